package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A program that was told where to send traces names each request's in the log
// and as an exemplar, continues a trusted proxy's trace, and lets the provider go on
// with it; without, a traceparent passes as it is.
func TestTraces(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, traced := range map[string]bool{"traced": true, "not traced": false} {
		t.Run(name, func(t *testing.T) {
			var sent syncBuffer
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&sent, r.Body) }))
			defer collector.Close()
			arrived := make(chan string, 1)
			provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/oauth2/tokens" { // and no metadata
					arrived <- r.Header.Get("Traceparent")
					_, _ = io.WriteString(w, `{"access_token":"x"}`)
				}
			}))
			defer provider.Close()
			if traced {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
			}
			p := startReloading(t, provider.URL, "trusted_proxies: [127.0.0.1]\nendpoints: {token: /oauth2/tokens}\nclient_auth: {realm: example}\n")
			r, err := http.NewRequestWithContext(context.Background(), "POST", "http://"+p.data+"/oauth2/tokens?state=canary", strings.NewReader("code=canary"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Traceparent": {parent}}
			r.SetBasicAuth("app", "canary")
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if passed := <-arrived; (passed == parent) == traced || !strings.HasPrefix(passed, parent[:36]) {
				t.Errorf("the provider was told %q", passed)
			}
			exposition := fetch(t, "http://"+p.admin+"/metrics", "application/openmetrics-text")
			if exemplar := strings.Contains(exposition, `# {trace_id="0af7651916cd43dd8448eb211c80319c"}`); exemplar != traced {
				t.Errorf("an exemplar: %v", exemplar)
			}
			p.stop()
			if named := strings.Contains(lineOfExchange(p.log.String()), `"trace_id":"0af7651916cd43dd8448eb211c80319c"`); named != traced {
				t.Errorf("named in the log: %v\n%s", named, p.log.String())
			}
			for _, word := range []string{"POST token", "oauthgw.outcome", "accepted", "client_secret_basic", "server.address", "service.version"} {
				if strings.Contains(sent.String(), word) != traced {
					t.Errorf("%s was sent: %v", word, !traced)
				}
			}
			if strings.Contains(sent.String()+p.log.String()+exposition, "canary") {
				t.Error("a secret was told")
			}
		})
	}
}

// With a ratio of 0 a stranger's request is not traced, whatever it says of itself, and
// at most its own trace at the provider is new.
func TestA190StrangersDoNotTurnTracesOn(t *testing.T) {
	var sent syncBuffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&sent, r.Body) }))
	defer collector.Close()
	arrived := make(chan http.Header, 1)
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" {
			arrived <- r.Header
		}
	}))
	defer provider.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0")
	p := startReloading(t, provider.URL, "endpoints: {token: /oauth2/tokens}\nclient_auth: {realm: example}\n")
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+p.data+"/page", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		"Tracestate":  {"a=" + strings.Repeat("canary", 40), "b=" + strings.Repeat("x", 6000)},
		"Baggage":     {"user=canary"},
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	header := <-arrived
	if parent := header.Get("Traceparent"); len(parent) != 55 || strings.Contains(parent, "0af7651916cd43dd8448eb211c80319c") || !strings.HasSuffix(parent, "-00") ||
		header["Tracestate"] != nil || header["Baggage"] != nil {
		t.Errorf("the provider received %v", header)
	}
	p.stop()
	if strings.Contains(sent.String(), "GET passthrough") || strings.Contains(p.log.String(), "trace_id") {
		t.Errorf("the request was traced: %q\n%s", sent.String(), p.log.String())
	}
}

// Traces that cannot be made as the environment asks are a reason not to start.
func TestTracesThatAreNotOffered(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "zipkin")
	err := run(t.Context(), []string{"--upstream.url=http://127.0.0.1:1", "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0"}, nil, io.Discard, io.Discard)
	if err == nil || err.Error() != "OTEL_TRACES_EXPORTER: must be otlp or none" {
		t.Errorf("%v", err)
	}
}
