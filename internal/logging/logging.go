// Package logging builds the slog handlers of the program: a writer that never blocks its
// callers, the audit log, and the attributes of a request.
package logging

import (
	"context"
	"io"
	"log"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"oauthgw/internal/printable"
)

// Format is the level and the format of log lines. A change applies to all loggers that
// were made with it. The zero value is text at level info. It is safe for concurrent use.
type Format struct {
	// TraceID returns the trace ID of a request, or an empty string. It may be nil, and is
	// set before the first use.
	TraceID func(context.Context) string

	level slog.LevelVar
	json  atomic.Bool
}

// Set changes the level, and chooses between JSON and text.
func (f *Format) Set(level slog.Level, json bool) {
	f.level.Set(level)
	f.json.Store(json)
}

// Handler returns a handler that writes lines to w. It escapes what the JSON handler of
// slog does not: DEL, C1, and bidirectional controls.
func (f *Format) Handler(w io.Writer) slog.Handler {
	w = printable.Writer(w)
	all := &slog.HandlerOptions{Level: slog.Level(-1 << 31)} // Enabled decides
	return handler{f, slog.NewJSONHandler(w, all), slog.NewTextHandler(w, all)}
}

// handler writes each line in the present format, with the attributes of its request.
type handler struct {
	format     *Format
	json, text slog.Handler
}

// Enabled implements [slog.Handler].
func (h handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.format.level.Level() }

// Handle implements [slog.Handler].
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	r.AddAttrs(requestAttrs(ctx)...)
	if h.format.TraceID != nil {
		if id := h.format.TraceID(ctx); id != "" {
			r.AddAttrs(slog.String("trace_id", id))
		}
	}
	if h.format.json.Load() {
		return h.json.Handle(ctx, r)
	}
	return h.text.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.format, h.json.WithAttrs(attrs), h.text.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.format, h.json.WithGroup(name), h.text.WithGroup(name)}
}

// NewStandardLogger returns a logger for messages of net/http. It logs the beginning of
// each message only, because after the first quotation mark there may be bytes that a
// client or the provider sent.
func NewStandardLogger(l *slog.Logger) *log.Logger { return log.New(newStandardWriter(l), "", 0) }

// RedirectStandardLogger does the same for the logger of package log, which net/http uses
// where it has no other.
func RedirectStandardLogger(l *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(newStandardWriter(l))
}

type standardWriter struct {
	log        *slog.Logger
	handshakes *Limit // clients cause these messages
}

func newStandardWriter(l *slog.Logger) standardWriter {
	return standardWriter{l, &Limit{Every: time.Second}}
}

// Write implements [io.Writer].
func (s standardWriter) Write(message []byte) (int, error) {
	text, _, _ := strings.Cut(string(message), "\n")
	attrs := []any{"text", BeforeQuote(text)}
	if strings.HasPrefix(text, "http: TLS handshake error") {
		suppressed, ok := s.handshakes.Allow()
		if !ok {
			return len(message), nil
		}
		attrs = append(attrs, "suppressed", suppressed)
	}
	s.log.Warn("net/http", attrs...)
	return len(message), nil
}

// BeforeQuote returns the beginning of a message of a library, up to what it may quote.
func BeforeQuote(text string) string {
	text, _, _ = strings.Cut(text, `"`)
	return strings.TrimSpace(text)
}
