package main

import (
	"context"
	"log/slog"
	"oauthgw/internal/printable"

	"github.com/prometheus/exporter-toolkit/web"
)

// serveAdmin answers operators until the admin server is shut down, by the web
// configuration if there is one. That is read again for each request.
func (s *servers) serveAdmin() error {
	now := s.live.now()
	file := now.settings.WebConfigFile
	if file == "" {
		return s.adminHTTP.Serve(s.admin)
	}
	return web.Serve(s.admin, s.adminHTTP, &web.FlagConfig{WebConfigFile: &file}, slog.New(valueless{now.log.Handler()}))
}

// valueless is a log handler that passes on texts without what they quote of a
// file.
type valueless struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h valueless) Handle(ctx context.Context, r slog.Record) error {
	passed := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		passed.AddAttrs(valuelessAttr(a))
		return true
	})
	return h.Handler.Handle(ctx, passed)
}

// WithAttrs implements [slog.Handler].
func (h valueless) WithAttrs(attrs []slog.Attr) slog.Handler {
	passed := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		passed[i] = valuelessAttr(a)
	}
	return valueless{h.Handler.WithAttrs(passed)}
}

// WithGroup implements [slog.Handler].
func (h valueless) WithGroup(name string) slog.Handler { return valueless{h.Handler.WithGroup(name)} }

func valuelessAttr(a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(printable.RedactYAML(a.Value.String()))
	}
	return a
}
