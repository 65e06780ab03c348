package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// Whatever happens in an exchange file, the secrets in it are nowhere but in what
// client and provider say to each other: not in the log, at any level and in either
// format, the audit record, the metrics, the status page, the traces, or an answer of
// the gateway's own; neither as they are nor encoded.
func TestA096SecretsOfExchangesAreNowhere(t *testing.T) {
	names, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no exchange files: %v", err)
	}
	secrets, canaries := 0, 0
	for i, name := range names {
		s := readStory(t, name)
		secrets += len(s.secrets())
		logs := []logging{{"debug", "text"}, {logLevels[i%len(logLevels)], "json"}}
		if slices.Contains(s.secrets(), exchangeCanary) {
			logs, canaries = everyLogging(), canaries+1
		}
		for _, l := range logs {
			expectNone(t, filepath.Base(name)+" "+l.String(), s.watched(t, l), s.secrets())
		}
	}
	if secrets < len(names) || canaries == 0 {
		t.Errorf("%d secrets in %d files, %d of them with canaries", secrets, len(names), canaries)
	}
}

// logging is how a log is written.
type logging struct{ level, format string }

func (l logging) String() string { return "{level: " + l.level + ", format: " + l.format + "}" }

var logLevels = []string{"debug", "info", "warn", "error"}

func everyLogging() (all []logging) {
	for _, level := range logLevels {
		all = append(all, logging{level, "json"}, logging{level, "text"})
	}
	return all
}

// collectTraces returns what is sent to a collector that the environment names.
func collectTraces(t *testing.T) *syncBuffer {
	t.Helper()
	var traces syncBuffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&traces, r.Body) }))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	return &traces
}

// tellsOperators returns what the admin listener tells once everything is counted,
// also those who ask it with secrets.
func (g storyGateway) tellsOperators(t *testing.T) map[string]string {
	t.Helper()
	told := map[string]string{"metrics": g.settled(t)}
	told["exemplars"] = fetch(t, "http://"+g.admin+"/metrics", "application/openmetrics-text")
	told["status page"] = fetch(t, "http://"+g.admin+"/", "")
	for _, path := range []string{"/-/healthy", "/-/ready", "/debug/pprof/", "/" + exchangeCanary, "/?" + exchangeCanary} {
		told[path] = send(t, g.admin, "GET "+path+" HTTP/1.1\nHost: localhost\nAuthorization: Bearer "+exchangeCanary)
	}
	return told
}

// isRefusal reports whether an answer is a refusal of the gateway's own.
func isRefusal(answer string) bool {
	return strings.Contains(answer, "X-Content-Type-Options: nosniff")
}

// watched carries out a story before a gateway that everybody watches, and returns
// what they were told.
func (s *story) watched(t *testing.T, l logging) map[string]string {
	t.Helper()
	provider := startScriptedProvider(t)
	g, tell := startWatched(t, "http://"+provider.Addr().String(), l, sharedConfig, s.config)
	var own strings.Builder
	for _, x := range s.exchanges {
		provider.answer(x.upstreamResponse)
		answer := send(t, g.data, x.request)
		if provider.received() == "" || x.upstreamResponse == "" || isRefusal(answer) {
			own.WriteString(answer)
		}
	}
	told := tell()
	told["own answers"] = own.String()
	return told
}

// startWatched runs a gateway as the program does, with everybody who may watch it.
// Tell ends it and returns what they were told.
func startWatched(t *testing.T, upstream string, l logging, sections ...string) (g storyGateway, tell func() map[string]string) {
	t.Helper()
	c := config.Default()
	for _, text := range append(sections, "log: "+l.String()+"\naudit: {file: '-'}\n") {
		if err := yaml.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
	}
	c.Upstream.URL, c.Listen, c.Admin.Listen = upstream, "127.0.0.1:0", "127.0.0.1:0"
	settings, err := c.Validate()
	if err != nil {
		t.Fatal(err)
	}
	traces := collectTraces(t)
	var audit, lines syncBuffer
	o, dismiss, err := newObservers(t.Context(), settings, &audit, &lines)
	if err != nil {
		t.Fatal(err)
	}
	servers, err := listen(nil, settings, o)
	if err != nil {
		t.Fatal(err)
	}
	before := log.Writer()
	redirectStandardLog(servers.live.log)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- servers.run(ctx) }()
	g = storyGateway{data: servers.data.Addr().String(), admin: servers.admin.Addr().String()}
	return g, func() map[string]string {
		told := g.tellsOperators(t)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		log.SetOutput(before)
		dismiss()
		told["log"], told["audit"], told["traces"] = lines.String(), audit.String(), traces.String()
		if !strings.Contains(told["traces"], "http.request.method") {
			t.Errorf("of traces: %d octets", len(told["traces"]))
		}
		return told
	}
}

// What a client calls itself, a request, or a path that is no endpoint is told where
// the operator looks for it, and nowhere else, though it were a secret.
func TestA096NamesAreWhereTheyBelong(t *testing.T) {
	const form = " HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n"
	for name, test := range map[string]struct {
		request string
		places  []string
	}{
		"client id":  {"POST /oauth2/tokens" + form + "\nclient_secret=x&client_id=" + exchangeCanary, []string{"audit", "log"}},
		"request id": {"POST /oauth2/tokens" + form + "X-Request-Id: " + exchangeCanary + "\n\nclient_id=a&a=1&a=2", []string{"audit", "log", "own answers"}},
		"path":       {"GET /" + exchangeCanary + "?" + exchangeCanary + " HTTP/1.1\nHost: a", []string{"log"}},
	} {
		s := &story{exchanges: []*storyExchange{{request: test.request, upstreamResponse: "HTTP/1.1 401 x\nContent-Type: application/json\n\n{\"error\":\"invalid_client\"}"}}}
		var places []string
		for place, text := range s.watched(t, logging{"debug", "json"}) {
			if strings.Contains(text, exchangeCanary) {
				places = append(places, place)
			}
		}
		slices.Sort(places)
		if !slices.Equal(places, test.places) {
			t.Errorf("%s: is in %v, want %v", name, places, test.places)
		}
	}
}
