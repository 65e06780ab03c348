// Package logging builds the slog handlers of the program: a writer that never blocks its
// callers, the audit log, and the attributes of a request.
package logging

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oauthgw/internal/printable"

	"golang.org/x/time/rate"
)

// Format is the level and the format of log lines. A change applies to all handlers that it
// has returned. The zero value is text at level info. It is safe for concurrent use.
type Format struct {
	// TraceID returns the trace ID of a request, or an empty string. It may be nil.
	TraceID func(context.Context) string

	level slog.LevelVar
	json  atomic.Bool
}

// Set changes the level, and chooses between JSON and text.
func (f *Format) Set(level slog.Level, json bool) {
	f.level.Set(level)
	f.json.Store(json)
}

// Handler returns a handler that writes to w. It also escapes DEL, C1, and bidirectional controls.
func (f *Format) Handler(w io.Writer) slog.Handler {
	lines := &lineWriter{w: w}
	w = printable.Writer(lines)
	options := &slog.HandlerOptions{Level: &f.level}
	return handler{slog.NewTextHandler(w, options), slog.NewJSONHandler(w, options), f, lines}
}

type requestIDKey struct{}

// WithRequestID returns a context whose log lines carry the ID of a request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// handler writes each line in the current format, with the attributes of its request.
type handler struct {
	slog.Handler // for text
	json         slog.Handler
	format       *Format
	lines        *lineWriter // nil: there are attributes of the logger
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		r.AddAttrs(slog.String("request_id", id))
	}
	if h.format.TraceID != nil {
		if id := h.format.TraceID(ctx); id != "" {
			r.AddAttrs(slog.String("trace_id", id))
		}
	}
	if h.format.json.Load() {
		if h.lines != nil {
			if written, err := h.lines.writeJSON(r); written {
				return err
			}
		}
		return h.json.Handle(ctx, r)
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), h.json.WithAttrs(attrs), h.format, nil}
}

func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), h.json.WithGroup(name), h.format, nil}
}

// NewStandardLogger returns a logger for messages of net/http. It logs what [BeforeQuote]
// leaves, because a client or the provider may have sent the rest.
func NewStandardLogger(l *slog.Logger) *log.Logger {
	return log.New(standardWriter{l, &rate.Sometimes{Interval: time.Second}}, "", 0)
}

// RedirectStandardLogger does the same for the logger of package log, net/http's default.
func RedirectStandardLogger(l *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(NewStandardLogger(l).Writer())
}

type standardWriter struct {
	log        *slog.Logger
	handshakes *rate.Sometimes // clients cause these messages
}

func (s standardWriter) Write(message []byte) (int, error) {
	text, _, _ := strings.Cut(string(message), "\n")
	write := func() { s.log.Warn("net/http error", "err", BeforeQuote(text)) }
	if strings.HasPrefix(text, "http: TLS handshake error") {
		s.handshakes.Do(write)
	} else {
		write()
	}
	return len(message), nil
}

// BeforeQuote returns the beginning of a message of a library, up to what it may quote.
func BeforeQuote(text string) string {
	text, _, _ = strings.Cut(text, `"`)
	return strings.TrimSpace(text)
}

// RedactYAML returns a handler that removes the values that errors of the YAML library quote from
// the attributes of a line, writes durations with a unit, and drops the logger's attributes.
func RedactYAML(next slog.Handler) slog.Handler { return yamlRedactor{next} }

type yamlRedactor struct{ slog.Handler }

func (h yamlRedactor) Handle(ctx context.Context, r slog.Record) error {
	redacted := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if kind := a.Value.Kind(); kind == slog.KindString || kind == slog.KindDuration {
			a.Value = slog.StringValue(printable.RedactYAML(a.Value.String()))
		}
		redacted.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, redacted)
}

func (h yamlRedactor) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h yamlRedactor) WithGroup(string) slog.Handler { return h }

const (
	asyncLines = 4096                 // capacity of the queue, in lines
	asyncPause = 5 * time.Millisecond // how long a line waits for others to be written with it
	asyncFlush = time.Second          // how long Close waits for the last lines
	asyncKept  = 256 << 10            // capacity in bytes up to which a buffer is used again
)

// AsyncWriter writes log lines without making its callers wait: a pipe that nothing reads must
// not block requests. It drops lines while its queue is full, counts them, and logs their
// number near the gap. It is safe for concurrent use.
type AsyncWriter struct {
	w       io.Writer
	log     *slog.Logger
	drop    func()
	dropped atomic.Int64  // lines dropped since the last report
	waiting chan struct{} // has a value if there are lines
	closing context.Context
	close   context.CancelFunc
	done    chan struct{}

	mu    sync.Mutex
	queue []byte // of lines
	lines int    // in the queue
}

// NewAsyncWriter returns a writer to w that calls drop for each dropped line. log writes to w itself.
func NewAsyncWriter(w io.Writer, log *slog.Logger, drop func()) *AsyncWriter {
	a := &AsyncWriter{w: w, log: log, drop: drop, waiting: make(chan struct{}, 1), done: make(chan struct{})}
	a.closing, a.close = context.WithCancel(context.Background())
	go a.run()
	return a
}

// Write implements [io.Writer]. It takes one whole line and never fails.
func (a *AsyncWriter) Write(line []byte) (int, error) {
	a.mu.Lock()
	isFull := a.lines == asyncLines
	if !isFull {
		a.queue, a.lines = append(a.queue, line...), a.lines+1
	}
	a.mu.Unlock()
	if isFull {
		a.countDropped(1)
	}
	select {
	case a.waiting <- struct{}{}:
	default:
	}
	return len(line), nil
}

func (a *AsyncWriter) countDropped(lines int) {
	a.dropped.Add(int64(lines))
	for range lines {
		a.drop()
	}
}

func (a *AsyncWriter) run() {
	defer close(a.done)
	var batch []byte // reused
	for {
		select {
		case <-a.waiting:
			time.Sleep(asyncPause)
			if batch = a.write(batch); cap(batch) > asyncKept {
				batch = nil
			}
		case <-a.closing.Done():
			a.write(batch)
			return
		}
	}
}

// write writes all queued lines and returns their buffer. The queue continues in the given one.
func (a *AsyncWriter) write(next []byte) []byte {
	a.mu.Lock()
	batch, lines := a.queue, a.lines
	a.queue, a.lines = next[:0], 0
	a.mu.Unlock()
	if lines == 0 { // they were in the previous batch; dropped lines are reported with the next one
		return batch
	}
	dropped := a.dropped.Swap(0)
	if n, err := a.w.Write(batch); err != nil {
		a.dropped.Add(dropped)
		a.countDropped(bytes.Count(batch[n:], []byte("\n")))
	} else if dropped > 0 {
		a.log.Warn("log lines dropped", "count", dropped)
	}
	return batch
}

// Close waits until the queued lines are written, for at most a second.
func (a *AsyncWriter) Close() {
	a.close()
	select {
	case <-a.done:
	case <-time.After(asyncFlush):
	}
}
