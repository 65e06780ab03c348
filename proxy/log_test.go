package proxy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// The line of an exchange says who asked, how, and what became of it.
func TestLogLine(t *testing.T) {
	report := func(c *proxy.Config) {
		c.Rules = clientauth.New(clientauth.Config{Conflict: clientauth.ConflictReport})
	}
	long := strings.Repeat("x", 200)
	for name, test := range map[string]struct {
		authorization, form string
		status              int
		body                string
		change              func(*proxy.Config)
		want                map[string]any
	}{
		"accepted": {basicField, "a=b", 200, tokenAnswer, nil, map[string]any{
			"level": "INFO", "status": 200.0, "outcome": "accepted", "auth_method": "client_secret_basic", "client_id": "app", "basic_decoding": "plain", "upstream_ms": true}},
		"public": {"", "client_id=app", 200, tokenAnswer, nil, map[string]any{
			"level": "INFO", "status": 200.0, "outcome": "accepted", "auth_method": "none", "client_id": "app", "upstream_ms": true}},
		"nobody": {"", "a=b", 200, tokenAnswer, nil, map[string]any{
			"level": "INFO", "status": 200.0, "outcome": "accepted", "auth_method": "none", "upstream_ms": true}},
		"rejected": {basicField, "a=b", 400, `{"error":"invalid_client"}`, nil, map[string]any{
			"level": "INFO", "status": 401.0, "outcome": "rejected", "auth_method": "client_secret_basic", "client_id": "app", "basic_decoding": "plain", "upstream_ms": true}},
		"failed": {basicField, "a=b", 500, "{}", nil, map[string]any{
			"level": "WARN", "status": 500.0, "outcome": "failed", "auth_method": "client_secret_basic", "client_id": "app", "basic_decoding": "plain", "upstream_ms": true}},
		"redirected": {basicField, "a=b", 302, "", nil, map[string]any{
			"level": "WARN", "status": 502.0, "outcome": "failed", "auth_method": "client_secret_basic", "client_id": "app", "basic_decoding": "plain", "upstream_ms": true, "err": "redirect"}},
		"refused": {"Basic !", "a=b", 200, tokenAnswer, nil, map[string]any{
			"level": "INFO", "status": 401.0, "outcome": "malformed_basic", "auth_method": "client_secret_basic"}},
		"unread": {"", "a=b&a=c", 200, tokenAnswer, nil, map[string]any{
			"level": "INFO", "status": 400.0, "outcome": "repeated_parameter", "auth_method": "unknown"}},
		"tolerated": {basicField, "client_id=other", 200, tokenAnswer, report, map[string]any{
			"level": "WARN", "status": 200.0, "outcome": "accepted", "conflict_tolerated": "different_client_id", "auth_method": "client_secret_basic", "client_id": "app", "basic_decoding": "plain", "upstream_ms": true}},
		"a long name": {"", "client_id=" + long, 200, tokenAnswer, nil, map[string]any{
			"level": "INFO", "status": 200.0, "outcome": "accepted", "auth_method": "none", "client_id": long[:128] + "…", "upstream_ms": true}},
		"not quite as long": {"", "client_id=" + long[:128], 200, tokenAnswer, nil, map[string]any{
			"level": "INFO", "status": 200.0, "outcome": "accepted", "auth_method": "none", "client_id": long[:128], "upstream_ms": true}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &front{metrics: metrics.New(metrics.Build{}), log: discard()}
			var decided []proxy.Decision
			h := newHandler(t, "http://provider.example", f, func(c *proxy.Config) {
				c.OnDecision = func(_ context.Context, d proxy.Decision) { decided = append(decided, d) }
				c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: test.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(test.body)), Request: r}, nil
				})
				if test.change != nil {
					test.change(c)
				}
			})
			r := httptest.NewRequest("POST", "/oauth2/tokens?x=y", strings.NewReader(test.form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			got := line(t, f.log.String())
			test.want["msg"], test.want["endpoint"], test.want["client_ip"] = "request", "token", "192.0.2.1"
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %v\nwant %v", got, test.want)
			}
			if len(decided) != 1 || decided[0].Time.IsZero() {
				t.Fatalf("decided: %v", decided)
			}
			for _, a := range decided[0].Attrs() {
				if text := fmt.Sprint(got[a.Key]); a.Value.String() != text {
					t.Errorf("decided %v, logged %s", a, text)
				}
			}
			exposed := httptest.NewRecorder()
			f.metrics.Handler().ServeHTTP(exposed, httptest.NewRequest("GET", "/", nil))
			series := `oauthgw_client_auth_total{auth_method="` + got["auth_method"].(string) + `",endpoint="token",outcome="` + got["outcome"].(string) + `"} 1`
			if !strings.Contains(exposed.Body.String(), series) {
				t.Errorf("the metrics lack %s", series)
			}
			if asked := strings.Contains(exposed.Body.String(), `oauthgw_upstream_request_duration_seconds_count{endpoint="token"} 1`); asked != (got["upstream_ms"] == true) {
				t.Errorf("the provider was asked: %v", asked)
			}
		})
	}
}

// A decision turns a client away unless the provider took it, failed, or was
// never heard.
func TestRefused(t *testing.T) {
	for outcome, want := range map[string]bool{
		"accepted": false, "failed": false, "canceled": false,
		"rejected": true, "multiple_methods": true, "large_body": true,
	} {
		if got := (proxy.Decision{Outcome: outcome}).Refused(); got != want {
			t.Errorf("%s: %v", outcome, got)
		}
	}
	for status, want := range map[int]bool{200: false, 400: true, 403: true} {
		if got := (proxy.Decision{Outcome: "unclear", Status: status}).Refused(); got != want {
			t.Errorf("unclear, %d: %v", status, got)
		}
	}
}

// What became of a request tells how the provider is, if it was asked at all.
func TestAnsweredAndFailed(t *testing.T) {
	for outcome, want := range map[string][2]bool{
		"accepted": {true, false}, "rejected": {true, false}, "unclear": {true, false}, "failed": {false, true},
		"canceled": {}, "multiple_methods": {},
	} {
		d := proxy.Decision{Outcome: outcome}
		if got := [2]bool{d.Answered(), d.Failed()}; got != want {
			t.Errorf("%s: %v", outcome, got)
		}
	}
}

// Whoever asks through a Unix socket has no address.
func TestSourceOfAUnixSocket(t *testing.T) {
	var decided proxy.Decision
	h := newHandler(t, "http://provider.example", &front{metrics: metrics.New(metrics.Build{}), log: discard()}, func(c *proxy.Config) {
		c.OnDecision = func(_ context.Context, d proxy.Decision) { decided = d }
	})
	r := httptest.NewRequest("GET", "/oauth2/tokens", nil)
	r.RemoteAddr = "@"
	h.ServeHTTP(httptest.NewRecorder(), r)
	if decided.Outcome != "method" || decided.ClientIP != "" {
		t.Errorf("%+v", decided)
	}
}

// line parses a log of one line. Times are only looked for.
func line(t *testing.T, log string) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(log), &got); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	for _, name := range []string{"time", "duration_ms"} {
		if _, ok := got[name]; !ok {
			t.Errorf("the line lacks %s", name)
		}
		delete(got, name)
	}
	if _, ok := got["upstream_ms"]; ok {
		got["upstream_ms"] = true
	}
	return got
}

// What is logged of a path that passes is the status of the answer, not of what
// came before it, also where the answer gives the connection away.
func TestStatusOfWhatPasses(t *testing.T) {
	for status, answer := range map[int]http.HandlerFunc{
		http.StatusTeapot: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusTeapot)
		},
		http.StatusSwitchingProtocols: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.WriteHeader(http.StatusSwitchingProtocols)
		},
	} {
		provider := httptest.NewServer(answer)
		defer provider.Close()
		u, err := url.Parse(provider.URL)
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		h := proxy.NewPassthrough(proxy.PassthroughConfig{Upstream: u, Transport: proxy.NewPassthroughTransport("", nil),
			Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.NewTextHandler(&log, nil))})
		done := make(chan struct{}) // also of a connection that the server no longer knows
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(done)
			h.ServeHTTP(w, r)
		}))
		defer front.Close()
		r, err := http.NewRequest("GET", front.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		<-done
		if resp.StatusCode != status || !strings.Contains(log.String(), fmt.Sprintf("status=%d ", status)) {
			t.Errorf("answered %d, logged %s", resp.StatusCode, log.String())
		}
	}
}
