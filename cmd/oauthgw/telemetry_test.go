package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	complain := func() {
		otel.Handle(errors.New("a span was lost"))
		o.recordDecision(t.Context(), proxy.Decision{Endpoint: "token"})
		time.Sleep(20 * time.Millisecond) // the audit record has failed, or will be written
		log.mu.Lock()                     // the writer blocks
		for range 10000 {
			o.log.Error("a line")
		}
		log.mu.Unlock()
	}
	complain()
	eventually(t, "lines", func() bool { return strings.Contains(log.String(), "a line") })
	if text := log.String(); strings.Contains(text, "a span was lost") || strings.Contains(text, "were dropped") ||
		!strings.Contains(text, `"msg":"audit log write failed"`) {
		t.Errorf("at level error: %.2000s", text)
	}
	next := at("warn", "text")
	next.Audit.File = filepath.Join(dir, "audit.json")
	o.applySettings(next)
	before := len(log.String())
	complain()
	for _, want := range []string{`msg="tracing failed" err="a span was lost"`, `msg="audit log write succeeded again, records are missing"`, `msg="log lines dropped"`} {
		eventually(t, fmt.Sprintf("%s after the reload", want), func() bool { return strings.Contains(log.String()[before:], want) })
	}
	o.close()
}
