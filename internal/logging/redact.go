package logging

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
)

// quoted matches a value that an error of the YAML library quotes, which may be a password
// or a key in the wrong place.
var quoted = regexp.MustCompile("`[^`]*`")

// WithoutQuotes returns a text on one line without the values that it quotes of a file.
func WithoutQuotes(text string) string {
	return strings.Join(strings.Fields(quoted.ReplaceAllString(text, "[value]")), " ")
}

// StripQuotes returns a handler that passes on lines to next without the values that their
// attributes quote of a file.
func StripQuotes(next slog.Handler) slog.Handler { return quoteStripper{next} }

type quoteStripper struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h quoteStripper) Handle(ctx context.Context, r slog.Record) error {
	stripped := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		stripped.AddAttrs(stripAttr(a))
		return true
	})
	return h.Handler.Handle(ctx, stripped)
}

// WithAttrs implements [slog.Handler].
func (h quoteStripper) WithAttrs(attrs []slog.Attr) slog.Handler {
	stripped := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		stripped[i] = stripAttr(a)
	}
	return quoteStripper{h.Handler.WithAttrs(stripped)}
}

// WithGroup implements [slog.Handler].
func (h quoteStripper) WithGroup(name string) slog.Handler {
	return quoteStripper{h.Handler.WithGroup(name)}
}

func stripAttr(a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(WithoutQuotes(a.Value.String()))
	}
	return a
}
