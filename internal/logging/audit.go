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

// Audit records client authentications and delays no request. It is safe for concurrent use.
type Audit struct {
	writer  *AsyncWriter
	handler slog.Handler
	enabled atomic.Bool
	name    atomic.Pointer[string] // of the file for further records
	stdout  io.Writer
	log     *slog.Logger

	// For the goroutine of the writer:
	file    *os.File // nil: not open
	failing bool     // the last record could not be written
}

// NewAudit returns an audit log without a file. It calls drop for each record that is lost,
// and logs when that begins and ends.
func (f *Format) NewAudit(stdout io.Writer, log *slog.Logger, drop func()) *Audit {
	a := &Audit{stdout: stdout, log: log}
	a.writer = NewAsyncWriter(auditWriter{a}, slog.New(auditHandler(auditWriter{a})), drop)
	records := auditHandler(a.writer)
	a.handler = handler{Handler: records, json: records, format: f}
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

// SetFile sets the file for further records: none if empty, standard output if "-".
func (a *Audit) SetFile(name string) {
	if name != "" {
		a.name.Store(&name)
		_, _ = a.writer.Write(nil) // opens the file before the first record
	}
	a.enabled.Store(name != "")
}

// Enabled reports whether records are written, so that no attributes are made for others.
func (a *Audit) Enabled() bool { return a.enabled.Load() }

// Record writes a record with the attributes of the request of ctx.
func (a *Audit) Record(ctx context.Context, at time.Time, attrs []slog.Attr) {
	if a.Enabled() {
		record := slog.NewRecord(at, slog.LevelInfo, "client authentication", 0)
		record.AddAttrs(attrs...)
		_ = a.handler.Handle(ctx, record) // the writer takes every line
	}
}

// Close writes the records that wait. The file stays open, since writing may take longer.
func (a *Audit) Close() { a.writer.Close() }

// auditWriter is the writer behind the [AsyncWriter].
type auditWriter struct{ *Audit }

func (a auditWriter) Write(records []byte) (n int, err error) {
	if name := *a.name.Load(); name == "-" {
		n, err = a.stdout.Write(records)
	} else if err = a.open(name); err == nil {
		if n, err = a.file.Write(records); err != nil {
			_ = a.file.Close() // a pipe may get another reader
			a.file = nil
		}
	}
	if err != nil && !a.failing {
		a.log.Error("audit log write failed", "err", err.Error())
	} else if err == nil && a.failing {
		a.log.Warn("audit log write succeeded again, records are missing")
	}
	a.failing = err != nil
	return n, err
}

// open opens the file unless it is the open one, so that files can be rotated without a
// signal, and that records need no new file descriptor. A pipe without a reader is an error.
func (a auditWriter) open(name string) (err error) {
	if a.file != nil {
		open, err := a.file.Stat()
		named, missing := os.Stat(name)
		if err == nil && missing == nil && os.SameFile(open, named) {
			return nil
		}
		_ = a.file.Close() // every write has reported its own error
	}
	// #nosec G302 -- a log collector may read the file as a member of its group
	a.file, err = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0o640)
	return err
}
