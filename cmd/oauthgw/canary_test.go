package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// Whatever happens in an exchange file, the secrets in it are nowhere but in what
// client and provider say to each other: not in the log, at any level and in either
// format, the audit record, the metrics, the status page, the traces, or an answer of
// the gateway's own; neither as they are nor encoded.
func TestA096SecretsOfExchangesAreNowhere(t *testing.T) {
	var traces syncBuffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&traces, r.Body) }))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	names, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no exchange files: %v", err)
	}
	var secrets []string
	for i, name := range names {
		s := readStory(t, name)
		secrets = append(secrets, s.secrets()...)
		level := []string{"debug", "info", "warn", "error"}[i%4]
		for _, log := range []string{"{level: debug, format: text}", "{level: " + level + ", format: json}"} {
			told := s.watched(t, log)
			expectNone(t, filepath.Base(name), told, s.secrets())
		}
	}
	if len(secrets) < len(names) || !strings.Contains(traces.String(), "oauthgw.outcome") {
		t.Errorf("%d secrets in %d files; of traces: %d octets", len(secrets), len(names), len(traces.String()))
	}
	expectNone(t, "all", map[string]string{"traces": traces.String()}, secrets)
}

// watched carries out a story before a gateway that everybody watches, and returns
// what they were told.
func (s *story) watched(t *testing.T, log string) map[string]string {
	t.Helper()
	provider := startScriptedProvider(t)
	c := defaults()
	for _, text := range []string{sharedConfig, s.config, "log: " + log + "\naudit: {file: '-'}\n"} {
		if err := yaml.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
	}
	c.Upstream.URL, c.Listen, c.Admin.Listen = "http://"+provider.Addr().String(), "127.0.0.1:0", "127.0.0.1:0"
	settings, mistakes := c.compile(&source{})
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	var audit, lines syncBuffer
	o, dismiss, err := newObservers(t.Context(), settings, &audit, &lines)
	if err != nil {
		t.Fatal(err)
	}
	servers, err := listen(nil, settings, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- servers.run(ctx) }()
	g := storyGateway{data: servers.data.Addr().String(), admin: servers.admin.Addr().String()}
	var own strings.Builder
	for _, x := range s.exchanges {
		provider.answer(x.upstreamResponse)
		answer := send(t, g.data, x.request)
		if provider.received() == "" || x.upstreamResponse == "" || strings.Contains(answer, "X-Content-Type-Options: nosniff") {
			own.WriteString(answer)
		}
	}
	told := map[string]string{"metrics": g.settled(t), "own answers": own.String()}
	told["exemplars"] = fetch(t, "http://"+g.admin+"/metrics", "application/openmetrics-text")
	told["status page"] = fetch(t, "http://"+g.admin+"/", "")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	dismiss()
	told["log"], told["audit"] = lines.String(), audit.String()
	return told
}
