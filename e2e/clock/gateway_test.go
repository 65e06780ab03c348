package clock_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// unpacked is where fetch has put the emulator and the library.
const unpacked = "../.build/clock"

// patience is how long anything may take to happen that has to.
const patience = 30 * time.Second

// gateway is a running oauthgw whose clock is the test's to set. A program in Go asks
// the kernel for the time, past any library. Under an emulator the kernel is one, and
// that is a program in C, which asks a library.
type gateway struct {
	clients, admin string // origins
	clock          string // the file that says what is added to the clock
}

func start(t *testing.T, provider, config string) *gateway {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "oauthgw")
	build := exec.Command("go", "build", "-C", "../..", "-o", binary, "./cmd/oauthgw")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	g := &gateway{clock: filepath.Join(dir, "clock")}
	g.set(t, 0)
	file := filepath.Join(dir, "oauthgw.yaml")
	config = "listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\nupstream: {url: \"" + provider + "\", timeout: 4s}\n" + config
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	libraries, err := filepath.Abs(unpacked + "/usr/lib/x86_64-linux-gnu")
	if err != nil {
		t.Fatal(err)
	}
	emulated := exec.Command(unpacked+"/usr/bin/qemu-x86_64", binary, "--config.file="+file)
	emulated.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraries, "LD_PRELOAD="+libraries+"/faketime/libfaketimeMT.so.1",
		"FAKETIME_TIMESTAMP_FILE="+g.clock, "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1")
	g.run(t, emulated)
	return g
}

// run starts the program, which ends with the test, and learns where it listens.
func (g *gateway) run(t *testing.T, program *exec.Cmd) {
	t.Helper()
	log, err := program.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatalf("%v: e2e/clock/fetch e2e/.build/clock unpacks it", err)
	}
	t.Cleanup(func() {
		_ = program.Process.Signal(os.Interrupt)
		if err := program.Wait(); err != nil {
			t.Error(err)
		}
	})
	lines := json.NewDecoder(log)
	for {
		var line struct{ Msg, Listen, Admin string }
		if err := lines.Decode(&line); err != nil {
			t.Fatalf("it ended before it listened: %v", err)
		}
		if line.Msg == "listening" {
			g.clients, g.admin = "http://"+line.Listen, "http://"+line.Admin
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return
		}
	}
}

// set sets the gateway's clock to so much more than this machine's.
func (g *gateway) set(t *testing.T, ahead time.Duration) {
	t.Helper()
	if err := os.WriteFile(g.clock+".new", fmt.Appendf(nil, "%+d\n", int64(ahead.Seconds())), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(g.clock+".new", g.clock); err != nil {
		t.Fatal(err)
	}
}

// tells reports whether the gateway's clock is so much ahead.
func (g *gateway) tells(ahead time.Duration) bool {
	date, err := http.ParseTime(get(g.admin + "/-/healthy").header.Get("Date"))
	return err == nil && time.Until(date.Add(-ahead)).Abs() < time.Minute
}

// answer is what came of a request; status 0 means that nothing did.
type answer struct {
	status int
	header http.Header
	body   string
}

// get asks for a page.
func get(target string) answer {
	r, err := http.NewRequest("GET", target, nil)
	if err != nil {
		return answer{body: err.Error()}
	}
	return send(r)
}

// redeem sends a code from an address that is no loopback's, for on those nobody has
// to wait.
func (g *gateway) redeem(client, secret, code string) answer {
	r, err := http.NewRequest("POST", g.clients+"/t", strings.NewReader("code="+code))
	if err != nil {
		return answer{body: err.Error()}
	}
	r.Header.Set("X-Forwarded-For", "192.0.2.1")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, secret)
	return send(r)
}

func send(r *http.Request) answer {
	resp, err := (&http.Client{Timeout: patience}).Do(r)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{body: err.Error()}
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come to be", what)
		}
	}
}
