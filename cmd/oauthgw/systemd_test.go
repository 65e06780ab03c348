package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// underSystemd returns a command that starts the program as systemd does, with sockets and
// environment variables, and its output.
func underSystemd(t *testing.T, sockets []*os.File, environment []string, args ...string) (*exec.Cmd, *syncBuffer) {
	t.Helper()
	// LISTEN_PID must be the program's process ID. The shell sets it to its own, which exec keeps.
	command := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ exec "$@"`, "sh", programFile(t)}, args...)...)
	command.Env = append(os.Environ(), fmt.Sprintf("LISTEN_FDS=%d", len(sockets)))
	command.Env = append(command.Env, environment...)
	command.ExtraFiles = sockets
	var printed syncBuffer
	command.Stdout, command.Stderr = &printed, &printed
	return command, &printed
}

// openSocket opens a socket as systemd does, on a free port.
func openSocket(t *testing.T) (*os.File, string) {
	t.Helper()
	l, _ := listenRaw(t, "tcp")
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, l.Addr().String()
}

// TestSystemdNotifications checks that systemd is notified of readiness, reloads and shutdown,
// in this order, and that it receives watchdog notifications.
func TestSystemdNotifications(t *testing.T) {
	directory := t.TempDir()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(directory, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	_ = notify.SetReadDeadline(time.Now().Add(20 * time.Second))
	file := filepath.Join(directory, "oauthgw.yaml")
	const text = "upstream: {url: http://127.0.0.1:1}\nlisten: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\ndrain: {delay: 0s}\n"
	writeFile(t, file, text)
	command, printed := underSystemd(t, nil, []string{"NOTIFY_SOCKET=" + notify.LocalAddr().String(), "WATCHDOG_USEC=20000"}, "--config.file="+file)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	awaitStates(t, notify, `READY=1\nSTATUS=proxying to http://127\.0\.0\.1:1`, `WATCHDOG=1`)
	_ = command.Process.Signal(syscall.SIGHUP)
	awaitStates(t, notify, `RELOADING=1\nMONOTONIC_USEC=[1-9]\d*\nSTATUS=reloading the configuration`, `READY=1\nSTATUS=proxying to .*`)
	writeFile(t, file, text+"passthru: 1\n")
	_ = command.Process.Signal(syscall.SIGHUP)
	awaitStates(t, notify, `RELOADING=1\n(?s:.*)`, `READY=1\nSTATUS=config reload failed.*`)
	_ = command.Process.Signal(syscall.SIGTERM)
	awaitStates(t, notify, `STOPPING=1\nSTATUS=draining.*`, `STOPPING=1\nSTATUS=waiting for requests in flight`)
	if err := command.Wait(); err != nil || strings.Contains(printed.String(), "notification failed") {
		t.Errorf("%v\n%s", err, printed.String())
	}
}

// awaitStates reads notifications until each of the states has arrived, in this order, and
// skips others.
func awaitStates(t *testing.T, notify *net.UnixConn, states ...string) {
	t.Helper()
	message := make([]byte, 4096)
	for _, state := range states {
		pattern := regexp.MustCompile("^" + state + "$")
		for n := 0; n == 0 || !pattern.Match(message[:n]); {
			var err error
			if n, err = notify.Read(message); err != nil {
				t.Fatalf("systemd was not notified of %s: %v", state, err)
			}
		}
	}
}

// TestSystemdSockets checks that sockets passed by systemd are used instead of the configured
// addresses.
func TestSystemdSockets(t *testing.T) {
	admin, adminAddress := openSocket(t)
	clients, address := openSocket(t)
	command, _ := underSystemd(t, []*os.File{admin, clients}, []string{"LISTEN_FDNAMES=admin:listen"}, "--upstream.url=http://127.0.0.1:1", "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0")
	startProcess(t, command)
	admin.Close()
	clients.Close() // otherwise a request would hang if the program exited early
	for address, want := range map[string]int{address: 503, adminAddress: 200} {
		if got := status(t, "http://"+address+"/-/healthy"); got != want {
			t.Errorf("%s answered %d, want %d", address, got, want)
		}
	}
	one, _ := openSocket(t)
	again, output := underSystemd(t, []*os.File{one, one}, []string{"LISTEN_FDNAMES=admin:admin"}, "--upstream.url=http://127.0.0.1:1")
	if err := again.Run(); err == nil || !strings.HasSuffix(output.String(), `"level":"ERROR","msg":"fatal error","err":"systemd passed two sockets for admin.listen: pass only one"}`+"\n") {
		t.Errorf("got %v %s", err, output.String())
	}
}
