package logging

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

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
