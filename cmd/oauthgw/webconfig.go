package main

import (
	"context"
	"log/slog"
	"os"
	"regexp"
	"strings"

	"github.com/prometheus/exporter-toolkit/web"
)

// webConfigFile judges a web configuration: the TLS and the basic auth of the
// admin listener, in the format that the exporters of Prometheus share.
func (m *mistakes) webConfigFile(file string) string {
	// The library would wait for whoever writes into a pipe.
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		m.add("admin.web_config_file", "%s is no regular file", file)
		return file
	}
	if err := web.Validate(file); err != nil {
		m.add("admin.web_config_file", "%s", withoutValues(err.Error()))
	}
	return file
}

// serveAdmin answers operators until the admin server is shut down, by the web
// configuration if there is one. That is read again for each request.
func (s *servers) serveAdmin() error {
	now := s.live.now()
	file := now.settings.webConfigFile
	if file == "" {
		return s.adminHTTP.Serve(s.admin)
	}
	return web.Serve(s.admin, s.adminHTTP, &web.FlagConfig{WebConfigFile: &file}, slog.New(valueless{now.log.Handler()}))
}

// quotedValue is a value in an error of the YAML library: perhaps a password or
// a key that stands in the wrong place.
var quotedValue = regexp.MustCompile("`[^`]*`")

// withoutValues returns a text on one line without what it quotes of a file.
func withoutValues(text string) string {
	return strings.Join(strings.Fields(quotedValue.ReplaceAllString(text, "[value]")), " ")
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
		a.Value = slog.StringValue(withoutValues(a.Value.String()))
	}
	return a
}
