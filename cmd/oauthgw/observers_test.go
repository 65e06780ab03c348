package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/proxy"

	"go.opentelemetry.io/otel"
)

// valve is a writer that takes nothing while it is locked.
type valve struct {
	closed sync.Mutex
	w      io.Writer
}

// Write implements [io.Writer].
func (v *valve) Write(p []byte) (int, error) {
	v.closed.Lock()
	defer v.closed.Unlock()
	return v.w.Write(p)
}

// A reload of log.level and log.format reaches the loggers that outlive it: of the
// audit record, of tracing and of the writer of log lines.
func TestA137ReloadReachesEveryLogger(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	dir := t.TempDir()
	at := func(level, format string) settings {
		return learning(t, "http://127.0.0.1:1", func(c *config) {
			c.Log.Level, c.Log.Format = level, format
			c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
		})
	}
	var log syncBuffer
	stderr := &valve{w: &log}
	first := at("error", "json")
	first.auditFile = filepath.Join(dir, "missing", "audit.json")
	o, dismiss, err := newObservers(t.Context(), first, io.Discard, stderr)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLive(first, o)
	if err != nil {
		t.Fatal(err)
	}
	l.begin()
	complain := func() {
		otel.Handle(errors.New("a span was lost"))
		o.audit.record(t.Context(), proxy.Decision{Endpoint: "token"})
		time.Sleep(4 * asyncPause) // the audit record has failed, or will be written
		stderr.closed.Lock()
		for range 2*asyncLines + 1 {
			l.log().Error("a line")
		}
		stderr.closed.Unlock()
	}
	complain()
	eventually(t, "lines", func() bool { return strings.Contains(log.String(), "a line") })
	if text := log.String(); strings.Contains(text, "a span was lost") || strings.Contains(text, "were dropped") ||
		!strings.Contains(text, `"msg":"the audit record cannot be written"`) {
		t.Errorf("at level error: %.2000s", text)
	}
	next := at("warn", "text")
	next.auditFile = filepath.Join(dir, "audit.json")
	l.load = func() (settings, error) { return next, nil }
	if err := l.reload(); err != nil {
		t.Fatal(err)
	}
	before := len(log.String())
	complain()
	for _, want := range []string{`msg="tracing failed" fault="a span was lost"`, `msg="the audit record is written again; entries are missing"`, `msg="log lines were dropped here"`} {
		eventually(t, fmt.Sprintf("%s after the reload", want), func() bool { return strings.Contains(log.String()[before:], want) })
	}
	l.end()
	dismiss()
}
