package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"strings"
)

// newLog returns the logger of the settings.
func newLog(s settings, w io.Writer) *slog.Logger { return slog.New(inRequest{s.logHandler(w)}) }

func (s settings) logHandler(w io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: s.logLevel}
	if s.logJSON {
		return slog.NewJSONHandler(w, options)
	}
	return slog.NewTextHandler(w, options)
}

// following is a handler for loggers that outlive a configuration: for each record
// it asks for the handler of the settings in force.
type following struct{ now func() slog.Handler }

// Enabled implements [slog.Handler].
func (f following) Enabled(ctx context.Context, l slog.Level) bool { return f.now().Enabled(ctx, l) }

// Handle implements [slog.Handler].
func (f following) Handle(ctx context.Context, r slog.Record) error { return f.now().Handle(ctx, r) }

// WithAttrs implements [slog.Handler].
func (f following) WithAttrs(attrs []slog.Attr) slog.Handler {
	return following{func() slog.Handler { return f.now().WithAttrs(attrs) }}
}

// WithGroup implements [slog.Handler].
func (f following) WithGroup(name string) slog.Handler {
	return following{func() slog.Handler { return f.now().WithGroup(name) }}
}

// newStandardLog returns a logger for what net/http says on its own, to the log
// of the moment. It keeps the beginning of each line only: behind the first
// quotation mark there may be bytes that a client or the provider sent.
func newStandardLog(now func() *slog.Logger) *log.Logger {
	return log.New(standardLog{now}, "", 0)
}

// redirectStandardLog does the same for the process's own logger, which net/http
// uses where it was given none: for the first bytes of a reply that nobody asked
// for, among others.
func redirectStandardLog(now func() *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(standardLog{now})
}

type standardLog struct{ now func() *slog.Logger }

// Write implements [io.Writer].
func (s standardLog) Write(line []byte) (int, error) {
	text, _, _ := strings.Cut(string(line), "\n")
	text, _, _ = strings.Cut(text, `"`)
	s.now().Warn("net/http", "text", strings.TrimSpace(text))
	return len(line), nil
}
