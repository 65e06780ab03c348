package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"oauthgw/internal/config"
	"oauthgw/internal/printable"
	"strings"
	"time"
)

// newLog returns the logger of the settings.
func newLog(s config.Settings, w io.Writer) *slog.Logger {
	return slog.New(inRequest{logHandler(s, w)})
}

// logHandler escapes what the JSON handler of slog does not: DEL, C1, bidirectional
// controls. Line breaks in a value both handlers escape.
func logHandler(s config.Settings, w io.Writer) slog.Handler {
	w = printable.Writer(w)
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogJSON {
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
	return log.New(newStandardWriter(now), "", 0)
}

// redirectStandardLog does the same for the process's own logger, which net/http
// uses where it was given none: for the first bytes of a reply that nobody asked
// for, among others.
func redirectStandardLog(now func() *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(newStandardWriter(now))
}

type standardLog struct {
	now        func() *slog.Logger
	handshakes *logLimit // clients cause these lines
}

func newStandardWriter(now func() *slog.Logger) standardLog {
	return standardLog{now, &logLimit{every: time.Second}}
}

// Write implements [io.Writer].
func (s standardLog) Write(line []byte) (int, error) {
	text, _, _ := strings.Cut(string(line), "\n")
	attrs := []any{"text", beforeQuote(text)}
	if strings.HasPrefix(text, "http: TLS handshake error") {
		suppressed, ok := s.handshakes.allow()
		if !ok {
			return len(line), nil
		}
		attrs = append(attrs, "suppressed", suppressed)
	}
	s.now().Warn("net/http", attrs...)
	return len(line), nil
}

// beforeQuote returns the beginning of a text of Go's libraries, up to what it may quote.
func beforeQuote(text string) string {
	text, _, _ = strings.Cut(text, `"`)
	return strings.TrimSpace(text)
}
