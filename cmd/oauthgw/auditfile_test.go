package main

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"oauthgw/internal/config"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The audit file stays open, so that records are written while the process has no
// descriptor left.
func TestA131AuditWithoutDescriptors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.json")
	a := newAudit(io.Discard, nobodys(), func() { t.Error("a record was dropped") })
	defer a.close()
	a.to(file)
	withoutDescriptors(t, func() {
		for range 3 {
			a.record(t.Context(), proxy.Decision{Endpoint: "token"})
			time.Sleep(2 * asyncPause)
		}
		a.sink.Close()
	})
	if n := strings.Count(contents(file), "\n"); n != 3 {
		t.Errorf("%d records, want 3: %s", n, contents(file))
	}
}

// withoutDescriptors calls f while no further file can be opened.
func withoutDescriptors(t *testing.T, f func()) {
	t.Helper()
	var limit, none syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none.Cur, none.Max = 3, limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	if f, err := os.Open(os.DevNull); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("a file could be opened: %v %v", f, err)
	}
	f()
}

// Whatever happens to the audit file, the next record is where its name leads,
// without a signal to this program.
func TestA131AuditFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "audit.json"), filepath.Join(dir, "other.json")
	for _, step := range []struct {
		name   string
		happen func() error
		reload bool
		holds  int // records in the file
		opened bool
	}{
		{"nothing", func() error { return nil }, false, 2, false},
		{"renamed", func() error { return os.Rename(file, file+".1") }, false, 1, true},
		{"renamed and made again", func() error {
			return errors.Join(os.Rename(file, file+".1"), os.WriteFile(file, nil, 0o600))
		}, false, 1, true},
		{"deleted", func() error { return os.Remove(file) }, false, 1, true},
		{"truncated", func() error { return os.Truncate(file, 0) }, false, 1, false},
		{"a link to another", func() error {
			return errors.Join(os.Remove(file), os.WriteFile(other, nil, 0o600), os.Symlink(other, file))
		}, false, 1, true},
		{"reload", func() error { return nil }, true, 2, true},
	} {
		t.Run(step.name, func(t *testing.T) {
			_, _ = os.Remove(file), os.Remove(other)
			a := newAudit(io.Discard, nobodys(), func() { t.Error("a record was dropped") })
			defer a.close()
			a.to(file)
			first := a.next.Load().File
			record := func(n int) {
				a.record(t.Context(), proxy.Decision{Endpoint: "token"})
				eventually(t, "a record", func() bool { return strings.Count(contents(file), "\n") == n })
			}
			record(1)
			if err := step.happen(); err != nil {
				t.Fatal(err)
			}
			if step.reload {
				a.to(file)
			}
			record(step.holds)
			a.sink.Close()
			if opened := a.file.File != first; opened != step.opened {
				t.Errorf("the file was opened again: %v", opened)
			}
		})
	}
}

// A pipe is written while it has a reader. Without one, a record is an error and
// not a wait, and a reader that comes later gets the next.
func TestA131AuditPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	var dropped atomic.Int32
	a := newAudit(io.Discard, nobodys(), func() { dropped.Add(1) })
	defer a.close()
	a.to(pipe)
	record := func() { a.record(t.Context(), proxy.Decision{Endpoint: "token"}) }
	record()
	eventually(t, "an error", func() bool { return dropped.Load() == 1 })
	for round := range int32(2) {
		reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		record()
		var line string
		eventually(t, "the record", func() bool {
			line, err = bufio.NewReader(reader).ReadString('\n')
			return err == nil
		})
		if !strings.Contains(line, `"endpoint":"token"`) {
			t.Errorf("read %q", line)
		}
		reader.Close()
		record()
		eventually(t, "an error", func() bool { return dropped.Load() == round+2 })
	}
}

// An audit file that keeps no records gets a warning, at the start as well, and a name
// that no record can be written to is an error.
func TestA186AuditFileThatKeepsNothing(t *testing.T) {
	dir := t.TempDir()
	file, pipe, link, none, socket := filepath.Join(dir, "file"), filepath.Join(dir, "pipe"), filepath.Join(dir, "link"), filepath.Join(dir, "none"), filepath.Join(dir, "socket")
	writeFile(t, file, "")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(os.DevNull, link)); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, warned := range map[string]bool{file: false, pipe: false, none: false, "-": false, os.DevNull: true, link: true} {
		named := configFile(t, "endpoints: {token: /t}\naudit: {file: "+name+"}\n")
		out, _, err := invoke(t, "check", "--config.file="+named)
		want := "warning: audit.file: " + name + " is neither a regular file nor a pipe, so records may be lost; "
		if strings.Contains(out, want) != warned || strings.Contains(out, "warning: audit.file") != warned || err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		var log syncBuffer
		l, err := newLive(learning(t, "http://127.0.0.1:1", func(c *config.Config) { c.Audit.File = name }), observers{
			newLog: func(s config.Settings) *slog.Logger { return newLog(s, &log) }, metrics: metrics.New(build())})
		if err != nil {
			t.Fatal(err)
		}
		l.now().close()
		if strings.Contains(log.String(), `records may be lost","file":"`+name) != warned {
			t.Errorf("%s: the log is %s", name, log.String())
		}
	}
	for name, reason := range map[string]string{dir: "is a directory", socket: "no such device or address"} {
		_, _, err := invoke(t, "check", "--config.file="+configFile(t, "audit: {file: "+name+"}\n"))
		if got := errorText(err); !strings.Contains(got, "audit.file: cannot be written: open "+name+": "+reason) {
			t.Errorf("got %q", got)
		}
	}
}
