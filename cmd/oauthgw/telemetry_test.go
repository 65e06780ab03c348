package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"oauthgw/internal/config"
	"oauthgw/proxy"

	"go.opentelemetry.io/otel"
)

// TestA137ReloadReachesEveryLogger checks that a reload of log.level and log.format reaches all
// loggers: those of the audit log, of tracing and of the writer of log lines.
func TestA137ReloadReachesEveryLogger(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	dir := t.TempDir()
	at := func(level, format string) config.Settings {
		return testSettings(t, "http://127.0.0.1:1", func(c *config.Config) {
			c.Log.Level, c.Log.Format = level, format
			c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
		})
	}
	var log syncBuffer
	first := at("error", "json")
	first.Audit.File = filepath.Join(dir, "missing", "audit.json")
	o, err := newTelemetry(t.Context(), first, io.Discard, &log)
	if err != nil {
		t.Fatal(err)
	}
	o.applySettings(first)
	complain := func(audit string) {
		otel.Handle(errors.New("a span was lost"))
		o.recordDecision(t.Context(), proxy.Decision{Endpoint: "token"})
		eventually(t, audit, func() bool { return strings.Contains(log.String(), audit) })
		log.mu.Lock() // the writer blocks, so lines are dropped
		for range 10000 {
			o.log.Error("a line")
		}
		log.mu.Unlock()
	}
	complain(`"msg":"audit log write failed"`)
	eventually(t, "a line behind all others", func() bool { // or the queue could still be full
		o.log.Error("the last line")
		return strings.Contains(log.String(), "the last line")
	})
	if text := log.String(); strings.Contains(text, "a span was lost") || strings.Contains(text, "lines dropped") {
		t.Errorf("at level error: %.2000s", text)
	}
	next := at("warn", "text")
	next.Audit.File = filepath.Join(dir, "audit.json")
	o.applySettings(next)
	before := len(log.String())
	complain(`msg="audit log write succeeded again, records are missing"`)
	for _, want := range []string{`msg="tracing failed" err="a span was lost"`, `msg="log lines dropped"`} {
		eventually(t, fmt.Sprintf("%s after the reload", want), func() bool { return strings.Contains(log.String()[before:], want) })
	}
	o.close()
}
