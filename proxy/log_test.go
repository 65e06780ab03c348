package proxy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// TestLogLine checks the log line, the decision and the counters of a request.
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
		"no client": {"", "a=b", 200, tokenAnswer, nil, map[string]any{
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
					return respond(r, test.status, http.Header{}, test.body), nil
				})
				if test.change != nil {
					test.change(c)
				}
			})
			serve(h, "POST", "/oauth2/tokens?x=y", test.form, ofForm("Authorization", test.authorization))
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

func TestDecisions(t *testing.T) {
	for _, test := range []struct {
		outcome                   string
		status                    int
		refused, answered, failed bool
	}{
		{"accepted", 200, false, true, false}, {"rejected", 401, true, true, false}, {"failed", 500, false, false, true},
		{"canceled", 0, false, false, false}, {"panic", 500, false, false, false}, {"large_body", 413, true, false, false},
		{"unclear", 200, false, true, false}, {"unclear", 400, true, true, false}, {"unclear", 403, true, true, false},
	} {
		d := proxy.Decision{Outcome: test.outcome, Status: test.status}
		if d.Refused() != test.refused || d.Answered() != test.answered || d.Failed() != test.failed {
			t.Errorf("%+v: refused %v, answered %v, failed %v", test, d.Refused(), d.Answered(), d.Failed())
		}
	}
}

// TestClientIPOfAUnixSocket checks that it is empty.
func TestClientIPOfAUnixSocket(t *testing.T) {
	var decided proxy.Decision
	h := endpointOver(t, nil, func(c *proxy.Config) { c.OnDecision = func(_ context.Context, d proxy.Decision) { decided = d } })
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
		var log bytes.Buffer
		h := passthroughOver(provider.URL, proxy.NewPassthroughTransport("", nil), &log)
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
