package proxy_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// TestLogLine checks the log line, the decision and the counters of a request.
func TestLogLine(t *testing.T) {
	long := strings.Repeat("x", 200)
	const exact = `{"access_token":"x","token_type":"Bearer"}`
	const basic = " auth_method=client_secret_basic client_id=app basic_decoding=plain"
	times := regexp.MustCompile(`time=\S+ |( \w+_ms)=[0-9.]+`)
	for _, test := range []struct {
		authorization, form string
		status              int
		body, want          string
	}{
		{basicField, "a=b", 200, exact, "INFO status=200 outcome=accepted" + basic},
		{"", "client_id=app", 200, exact, "INFO status=200 outcome=accepted auth_method=none client_id=app"},
		{"", "a=b", 200, exact, "INFO status=200 outcome=accepted auth_method=none"},
		{basicField, "a=b", 400, `{"error":"invalid_client"}`, "INFO status=401 outcome=rejected" + basic},
		{basicField, "a=b", 500, "{}", "WARN status=500 outcome=failed" + basic},
		{basicField, "a=b", 302, "", "WARN status=502 outcome=failed" + basic},
		{"Basic !", "a=b", 0, "", "INFO status=401 outcome=malformed_basic auth_method=client_secret_basic"},
		{"", "a=b&a=c", 0, "", "INFO status=400 outcome=repeated_parameter auth_method=unknown"},
		{basicField, "client_id=other", 200, exact, "WARN status=200 outcome=accepted" + basic + " conflict_tolerated=different_client_id"},
		{basicField, "client_id=other", 400, `{"error":"invalid_client"}`, "WARN status=401 outcome=rejected" + basic + " conflict_tolerated=different_client_id"},
		{basicField, "client_id=other", 500, "{}", "WARN status=500 outcome=failed" + basic + " conflict_tolerated=different_client_id"},
		{"", "client_id=" + long, 200, exact, "INFO status=200 outcome=accepted auth_method=none client_id=" + long[:128] + "…"},
		{"", "client_id=" + long[:128], 200, exact, "INFO status=200 outcome=accepted auth_method=none client_id=" + long[:128]},
	} {
		f := &front{metrics: metrics.New(metrics.Build{}), log: discard()}
		lines := discard()
		var decided []proxy.Decision
		h := newHandler(t, "http://provider.example", f, func(c *proxy.Config) {
			c.OnDecision = func(_ context.Context, d proxy.Decision) { decided = append(decided, d) }
			c.Rules = clientauth.New(clientauth.Config{Conflict: clientauth.ConflictReport})
		}, over(func(r *http.Request) (*http.Response, error) {
			return respond(r, test.status, http.Header{"Content-Type": {"application/json"}}, test.body), nil
		}))
		serve(logged(h, slog.NewTextHandler(lines, nil)), "POST", "/oauth2/tokens?x=y", test.form, ofForm("Authorization", test.authorization))
		level, attrs, _ := strings.Cut(test.want, " ")
		want := "level=" + level + " msg=request " + attrs
		if test.status != 0 {
			want += " upstream_ms"
		}
		if test.status == 302 {
			want += " err=redirect"
		}
		if got := times.ReplaceAllString(lines.String(), "$1"); got != want+"\n" {
			t.Errorf("got  %swant %s", got, want)
		}
		if len(decided) != 1 || decided[0].Time.IsZero() || (decided[0].Failure == "redirect") != (test.status == 302) {
			t.Fatalf("decided: %v", decided)
		}
		exposed := httptest.NewRecorder()
		f.metrics.Handler().ServeHTTP(exposed, httptest.NewRequest("GET", "/", nil))
		var text bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).LogAttrs(t.Context(), slog.LevelInfo, "", decided[0].Attrs()...)
		series := fmt.Sprintf(`oauthgw_client_auth_total{auth_method="%s",endpoint="token",outcome="%s"} 1`, cmp.Or(string(decided[0].Method), "unknown"), decided[0].Outcome)
		calls := strings.Contains(exposed.Body.String(), `oauthgw_upstream_request_duration_seconds_count{endpoint="token"} 1`)
		if !strings.Contains(text.String(), attrs) || !strings.Contains(exposed.Body.String(), series) || calls != (test.status != 0) {
			t.Errorf("%s: decided %s, calls counted: %v, or the metrics lack %s", attrs, &text, calls, series)
		}
	}
}

func TestDecisions(t *testing.T) {
	for _, test := range []struct {
		outcome           string
		status            int
		refused, answered bool
	}{
		{"accepted", 200, false, true}, {"rejected", 401, true, true}, {"failed", 500, false, false},
		{"canceled", 0, false, false}, {"panic", 500, false, false}, {"large_body", 413, true, false},
		{"unclear", 200, false, true}, {"unclear", 400, true, true}, {"unclear", 403, true, true},
	} {
		d := proxy.Decision{Outcome: test.outcome, Status: test.status}
		if d.Refused() != test.refused || d.Answered() != test.answered {
			t.Errorf("%+v: refused %v, answered %v", test, d.Refused(), d.Answered())
		}
	}
}

// TestClientIPOfAUnixSocket checks that it is empty.
func TestClientIPOfAUnixSocket(t *testing.T) {
	h := endpointOver(t, nil, func(c *proxy.Config) {
		c.OnDecision = func(_ context.Context, d proxy.Decision) {
			if d.Outcome != "method" || d.ClientIP != "" {
				t.Errorf("%+v", d)
			}
		}
	})
	r := httptest.NewRequest("GET", "/oauth2/tokens", nil)
	r.RemoteAddr = "@"
	h.ServeHTTP(httptest.NewRecorder(), r)
}
