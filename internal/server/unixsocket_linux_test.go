package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// leaveStale leaves a socket without a listener.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// TestA139ConcurrentStarts checks that of the processes that start at once where a killed
// one has left its socket, one gets the path, and the others fail.
func TestA139ConcurrentStarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for round := range 50 {
		leaveStale(t, path)
		listeners := make(chan net.Listener, 16)
		var starts sync.WaitGroup
		for range cap(listeners) {
			starts.Go(func() {
				l, err := (Sockets{}).listen("listen", "unix:"+path)
				if err == nil {
					listeners <- l
				} else if !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("a start failed with %v", err)
				}
			})
		}
		starts.Wait()
		if len(listeners) != 1 {
			t.Fatalf("round %d: %d listeners on one path", round, len(listeners))
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatalf("round %d: the socket is gone: %v", round, err)
		}
		c.Close()
		if err := (<-listeners).Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the closed listener left its socket: %v", err)
		}
	}
}

// TestA139A184OtherFiles checks that what is not a stale socket is an error, stays as it is,
// and that no link is followed.
func TestA139A184OtherFiles(t *testing.T) {
	dir := t.TempDir()
	stale, file := filepath.Join(dir, "stale"), filepath.Join(dir, "file")
	leaveStale(t, stale)
	if err := os.WriteFile(file, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"staleLink": stale, "fileLink": file, "dangling": "missing", "locked.lock": "missing"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	used, err := (Sockets{}).listen("listen", "unix:"+filepath.Join(dir, "used"))
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	for name, want := range map[string]string{
		"used": "address already in use: another process holds ", "file": "address already in use", "staleLink": "address already in use",
		"fileLink": "address already in use", "dangling": "address already in use", "locked": "too many levels of symbolic links", "missing/s": "no such file or directory",
	} {
		path := filepath.Join(dir, name)
		if _, err := (Sockets{}).listen("listen", "unix:"+path); err == nil || !strings.Contains(err.Error(), "listen: cannot listen on unix:"+path+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "kept" {
		t.Errorf("the file holds %q, %v", content, err)
	}
	if info, err := os.Lstat(stale); err != nil || info.Mode().Type() != os.ModeSocket {
		t.Errorf("the socket behind a link: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a link was followed: %v", err)
	}
}

// TestA184SocketModes checks that a socket has its mode as soon as it exists, whatever the
// umask, which stays as it is.
func TestA184SocketModes(t *testing.T) {
	dir := t.TempDir()
	defer unix.Umask(unix.Umask(0))
	for _, mask := range []int{0, 0o007, 0o022, 0o027, 0o077, 0o177, 0o707, 0o777} {
		path := filepath.Join(dir, fmt.Sprintf("%04o", mask))
		unix.Umask(mask)
		l, err := bind(path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o660 {
			t.Errorf("%04o: %v %v", mask, info.Mode(), err)
		}
		if after := unix.Umask(mask); after != mask {
			t.Errorf("the umask %04o became %04o", mask, after)
		}
	}
}

// TestA185AbstractSocketOfSystemd checks that a socket that systemd opened without a path is
// refused.
func TestA185AbstractSocketOfSystemd(t *testing.T) {
	l, err := net.Listen("unix", "@oauthgw-"+rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := (Sockets{"listen": l}).listen("listen", ""); err == nil || !strings.Contains(err.Error(), "systemd passed an abstract socket for listen, ") {
		t.Error(err)
	}
}
