package logging

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate is a writer that blocks until it is opened.
type gate struct {
	open chan struct{}
	w    io.Writer
}

func (g gate) Write(p []byte) (int, error) { <-g.open; return g.w.Write(p) }

// TestAsyncWriterDrops checks that a log that nothing reads blocks no caller, and that the
// number of dropped lines is logged in their place.
func TestAsyncWriterDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var drops atomic.Int64
		g := gate{make(chan struct{}), &out}
		a := NewAsyncWriter(g, slog.New((&Format{}).Handler(g)), func() { drops.Add(1) })
		const batch = 10
		for i := range batch + asyncLines + 100 {
			if i == batch {
				time.Sleep(2 * asyncPause) // the lines up to this one are being written
			}
			fmt.Fprintf(a, "{\"line\":%d}\n", i)
		}
		close(g.open)
		time.Sleep(2 * asyncPause)
		fmt.Fprintln(a, "{}")
		a.Close()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if n := batch + asyncLines; len(lines) != n+2 || !strings.Contains(lines[n], `msg="log lines dropped" count=100`) {
			t.Errorf("%d lines, the last are %s", len(lines), lines[len(lines)-2:])
		}
		if drops.Load() != 100 {
			t.Errorf("dropped %d lines, want 100", drops.Load())
		}
	})
}

// TestAsyncWriterGivesUp checks that Close waits for a second at most.
func TestAsyncWriterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{}), io.Discard}
		a := NewAsyncWriter(g, slog.New(slog.DiscardHandler), func() {})
		fmt.Fprintln(a, "{}")
		start := time.Now()
		a.Close()
		if d := time.Since(start); d != asyncFlush {
			t.Errorf("Close took %v", d)
		}
		close(g.open)
	})
}

// full is a disk with room for so many bytes.
type full int

func (f full) Write([]byte) (int, error) { return int(f), errors.New("no space left on device") }

// TestAsyncWriterCountsLostLines checks that lines count as dropped unless they were
// written before an error.
func TestAsyncWriterCountsLostLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for room, want := range map[full]int64{0: 5, 7: 3} {
			var drops atomic.Int64
			a := NewAsyncWriter(room, slog.New(slog.DiscardHandler), func() { drops.Add(1) })
			for range 5 {
				fmt.Fprintln(a, "{}")
			}
			a.Close()
			if drops.Load() != want {
				t.Errorf("room for %d bytes: %d lines were counted as dropped, want %d", room, drops.Load(), want)
			}
		}
	})
}

// broken is a writer whose first write fails.
type broken struct {
	bytes.Buffer
	failed bool
}

func (b *broken) Write(p []byte) (int, error) {
	if !b.failed {
		b.failed = true
		return 0, errors.New("no space left on device")
	}
	return b.Buffer.Write(p)
}

// TestAsyncWriterReportsLostLines checks that the number of lost lines is logged with the next line
// that is written, even if lines arrived while others waited.
func TestAsyncWriterReportsLostLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out broken
		a := NewAsyncWriter(&out, slog.New((&Format{}).Handler(&out)), func() {})
		for range 2 {
			fmt.Fprintln(a, "{}")
			synctest.Wait() // the first line waits for others
		}
		time.Sleep(3 * asyncPause)
		fmt.Fprintln(a, "{}")
		a.Close()
		if !strings.Contains(out.String(), `msg="log lines dropped" count=2`) {
			t.Errorf("the loss of two lines was not logged: %q", out.String())
		}
	})
}

// TestAsyncWriterWritesLastLines checks that Close writes lines that arrived while others were written.
func TestAsyncWriterWritesLastLines(t *testing.T) {
	for range 20 { // the writer chooses between these lines and the end
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			g := gate{make(chan struct{}), &out}
			a := NewAsyncWriter(g, slog.New(slog.DiscardHandler), func() {})
			fmt.Fprintln(a, "first")
			time.Sleep(2 * asyncPause)
			fmt.Fprintln(a, "last")
			time.AfterFunc(asyncPause, func() { close(g.open) })
			a.Close()
			if out.String() != "first\nlast\n" {
				t.Errorf("written are %q", out.String())
			}
		})
	}
}

// newTestAudit returns an audit log to a file, and a function that writes a record to it.
func newTestAudit(t *testing.T, file string, drop func()) (*Audit, func()) {
	t.Helper()
	a := (&Format{}).NewAudit(io.Discard, slog.New(slog.DiscardHandler), drop)
	t.Cleanup(a.Close)
	a.SetFile(file)
	return a, func() { a.Record(t.Context(), time.Now(), []slog.Attr{slog.String("endpoint", "token")}) }
}

// TestA131AuditWithoutDescriptors checks that the audit file stays open, so that records
// are written while the process has no file descriptor left.
func TestA131AuditWithoutDescriptors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.json")
	a, record := newTestAudit(t, file, func() { t.Error("a record was dropped") })
	eventually(t, "the file", func() bool { _, err := os.Stat(file); return err == nil })
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 3, Max: limit.Max}); err != nil {
		t.Fatal(err)
	}
	_, err := os.Open(os.DevNull)
	for range 3 {
		record()
		time.Sleep(2 * asyncPause)
	}
	a.Close()
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Error(err)
	}
	if n := strings.Count(contents(file), "\n"); n != 3 || !errors.Is(err, syscall.EMFILE) {
		t.Errorf("%d records, want 3: %s; opening another file: %v", n, contents(file), err)
	}
}

// TestA131AuditFileIsReplaced checks that a record is written to the file that has the
// name at that time, without a signal to the program.
func TestA131AuditFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	file, other := filepath.Join(dir, "audit.json"), filepath.Join(dir, "other.json")
	_, record := newTestAudit(t, file, func() { t.Error("a record was dropped") })
	for name, replace := range map[string]func() error{
		"renamed": func() error { return os.Rename(file, file+".1") },
		"renamed and created again": func() error {
			return errors.Join(os.Rename(file, file+".1"), os.WriteFile(file, nil, 0o600))
		},
		"deleted":   func() error { return os.Remove(file) },
		"truncated": func() error { return os.Truncate(file, 0) },
		"a link to another file": func() error {
			return errors.Join(os.Remove(file), os.WriteFile(other, nil, 0o600), os.Symlink(other, file))
		},
	} {
		before := strings.Count(contents(file), "\n")
		record()
		eventually(t, "a record", func() bool { return strings.Count(contents(file), "\n") == before+1 })
		if err := replace(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		record()
		eventually(t, name, func() bool { return strings.Count(contents(file), "\n") == 1 })
	}
}

// TestA131AuditPipe checks that a pipe is written while it has a reader. Without one, a
// record is dropped, and a later reader gets the next.
func TestA131AuditPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	var dropped atomic.Int32
	_, record := newTestAudit(t, pipe, func() { dropped.Add(1) })
	record()
	eventually(t, "an error", func() bool { return dropped.Load() == 1 })
	reader, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	record()
	eventually(t, "the record", func() bool {
		line, err := bufio.NewReader(reader).ReadString('\n')
		return err == nil && strings.Contains(line, `"endpoint":"token"`)
	})
	reader.Close()
	record()
	eventually(t, "another error", func() bool { return dropped.Load() == 2 })
}

func contents(file string) string {
	text, _ := os.ReadFile(file) // it may be missing
	return string(text)
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}
