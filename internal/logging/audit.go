package logging

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"oauthgw/internal/printable"
)

// Stdout is the name of standard output in place of the name of an audit file.
const Stdout = "-"

// Audit writes a record of each client authentication without making requests wait. Nil
// and an Audit without a file write none. It is safe for concurrent use.
type Audit struct {
	writer  *AsyncWriter
	handler slog.Handler
	enabled atomic.Bool
	next    atomic.Pointer[auditFile] // where further records go; nil: no change
	stdout  io.Writer
	log     *slog.Logger

	// For the goroutine of the writer:
	file    *auditFile
	failing bool // the last record could not be written
}

// NewAudit returns an audit log without a file. Drop is called for each record that is
// lost; log gets a line when that begins and ends.
func NewAudit(stdout io.Writer, log *slog.Logger, drop func()) *Audit {
	a := &Audit{stdout: stdout, log: log, file: &auditFile{}}
	a.writer = NewAsyncWriter(auditWriter{a}, auditHandler, drop)
	a.handler = auditHandler(a.writer)
	return a
}

// auditHandler writes records without a level.
func auditHandler(w io.Writer) slog.Handler {
	return slog.NewJSONHandler(printable.Writer(w), &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
}

// SetFile opens the file for further records. Empty means none, [Stdout] standard output.
func (a *Audit) SetFile(name string) {
	if a == nil {
		return
	}
	if name != "" {
		next := &auditFile{name: name}
		_ = next.reopen() // the next record tries again, and logs the error
		if unused := a.next.Swap(next); unused != nil {
			unused.close()
		}
	}
	a.enabled.Store(name != "")
}

// Record writes a record with the attributes of the request of ctx.
func (a *Audit) Record(ctx context.Context, at time.Time, attrs []slog.Attr) {
	if a == nil || !a.enabled.Load() {
		return
	}
	record := slog.NewRecord(at, slog.LevelInfo, "client authentication", 0)
	record.AddAttrs(attrs...)
	record.AddAttrs(requestAttrs(ctx)...)
	_ = a.handler.Handle(ctx, record) // the writer takes every line
}

// Close writes the records that wait. It leaves the file open if that takes too long.
func (a *Audit) Close() {
	if a == nil {
		return
	}
	a.writer.Close()
	select {
	case <-a.writer.done:
		a.file.close()
	default:
	}
}

// auditWriter is the writer behind the [AsyncWriter].
type auditWriter struct{ *Audit }

// Write implements [io.Writer].
func (a auditWriter) Write(records []byte) (int, error) {
	n, err := a.write(records)
	switch failing := err != nil; {
	case failing && !a.failing:
		a.log.Error("audit log write failed", "err", err.Error())
	case !failing && a.failing:
		a.log.Warn("audit log write succeeded again, records are missing")
	}
	a.failing = err != nil
	return n, err
}

func (a auditWriter) write(records []byte) (int, error) {
	if next := a.next.Swap(nil); next != nil {
		a.file.close()
		a.file = next
	}
	if a.file.name == Stdout {
		return a.stdout.Write(records)
	}
	if err := a.file.reopen(); err != nil {
		return 0, err
	}
	n, err := a.file.Write(records)
	if err != nil {
		a.file.close() // a pipe may get another reader
	}
	return n, err
}

// auditFile is a file for records. It stays open, so that records are not lost while the
// process has no file descriptor left.
type auditFile struct {
	name     string
	*os.File // nil: not open
}

// reopen opens the file if the name denotes another one than before, so that it can be
// rotated without a signal.
func (f *auditFile) reopen() (err error) {
	if f.name == Stdout {
		return nil
	}
	if f.File != nil {
		open, err := f.Stat()
		named, missing := os.Stat(f.name)
		if err == nil && missing == nil && os.SameFile(open, named) {
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

// openAudit opens an audit file with further flags. A pipe without a reader is an error.
func openAudit(name string, flags int) (*os.File, error) {
	// #nosec G302 -- a log collector may read the file as a member of its group
	return os.OpenFile(name, flags|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
}
