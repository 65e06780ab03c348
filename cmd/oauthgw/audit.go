package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"

	"oauthgw/internal/printable"
	"oauthgw/proxy"
)

// audit keeps a record of each client authentication: who, at which endpoint, by
// which method, from where, and what became of it. It is no place for secrets,
// and nobody waits for it. Nil keeps none. It is safe for concurrent use.
type audit struct {
	sink    *asyncWriter
	handler slog.Handler
	on      atomic.Bool               // entries are kept
	next    atomic.Pointer[auditFile] // where further entries go; nil: as before
	stdout  io.Writer
	log     *slog.Logger // of operations

	// Used by the goroutine of the asyncWriter.
	file    *auditFile
	failing bool // the last entry could not be written
}

// toStdout is the name of standard output, in place of a file's.
const toStdout = "-"

// newAudit returns a record that goes nowhere yet. Drop is told of each entry
// that nobody took in time, or that could not be written; log is told when that
// begins and ends.
func newAudit(stdout io.Writer, log *slog.Logger, drop func()) *audit {
	a := &audit{stdout: stdout, log: log, file: &auditFile{}}
	a.sink = newAsyncWriter(a, auditHandler, drop)
	a.handler = inRequest{auditHandler(a.sink)}
	return a
}

// auditHandler writes entries without a level: none is more important.
func auditHandler(w io.Writer) slog.Handler {
	return slog.NewJSONHandler(printable.Writer(w), &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
}

// to names the file that further entries go to, and opens it. Empty means that
// none are kept.
func (a *audit) to(name string) {
	if a == nil {
		return
	}
	if name != "" {
		next := &auditFile{name: name}
		_ = next.follow() // the next entry tries again, and logs the error
		if unused := a.next.Swap(next); unused != nil {
			unused.close()
		}
	}
	a.on.Store(name != "")
}

func (a *audit) record(ctx context.Context, d proxy.Decision) {
	if a == nil || !a.on.Load() {
		return
	}
	entry := slog.NewRecord(d.Time, slog.LevelInfo, "client authentication", 0)
	entry.AddAttrs(d.Attrs()...)
	_ = a.handler.Handle(ctx, entry) // the writer takes every line
}

// Write implements [io.Writer] for the asyncWriter.
func (a *audit) Write(entries []byte) (int, error) {
	n, err := a.write(entries)
	switch failing := err != nil; {
	case failing && !a.failing:
		a.log.Error("the audit record cannot be written", "err", err.Error())
	case !failing && a.failing:
		a.log.Warn("the audit record is written again; entries are missing")
	}
	a.failing = err != nil
	return n, err
}

func (a *audit) write(entries []byte) (int, error) {
	if next := a.next.Swap(nil); next != nil {
		a.file.close()
		a.file = next
	}
	if a.file.name == toStdout {
		return a.stdout.Write(entries)
	}
	if err := a.file.follow(); err != nil {
		return 0, err
	}
	n, err := a.file.Write(entries)
	if err != nil {
		a.file.close() // a pipe may get another reader
	}
	return n, err
}

// auditFile is a file that entries are appended to. It stays open, so that entries
// are not lost while the process has no descriptor left.
type auditFile struct {
	name     string
	*os.File // nil: not open
}

// follow opens the file, again if the name has come to lead to another one, so
// that it can be rotated without a signal to this program.
func (f *auditFile) follow() (err error) {
	if f.name == toStdout {
		return nil
	}
	if f.File != nil {
		written, err := f.Stat()
		named, missing := os.Stat(f.name)
		if err == nil && missing == nil && os.SameFile(written, named) {
			return nil
		}
		f.close()
	}
	f.File, err = openAudit(f.name, os.O_CREATE)
	return err
}

func (f *auditFile) close() {
	if f.File != nil {
		_ = f.Close() // every write has reported its own error
		f.File = nil
	}
}

// openAudit opens a file for further entries. A pipe that nobody reads is an error
// and not a reason to wait.
func openAudit(file string, flags int) (*os.File, error) {
	// #nosec G302 -- whoever collects records may be in the file's group
	return os.OpenFile(file, flags|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
}

// close writes the entries that wait. The file stays open if that does not end.
func (a *audit) close() {
	if a == nil {
		return
	}
	a.sink.Close()
	select {
	case <-a.sink.done:
		a.file.close()
	default:
	}
}
