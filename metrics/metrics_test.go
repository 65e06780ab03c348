package metrics_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/metrics"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exposed returns the text of a scrape, which must be free of what promlint reports.
func exposed(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	if problems, err := promlint.New(w.Body).Lint(); w.Code != http.StatusOK || err != nil || len(problems) > 0 {
		t.Fatalf("got %d, %v, %v", w.Code, problems, err)
	}
	return text
}

// everything records each fact once. The gateway becomes ready after the first scrape.
func everything() *metrics.Metrics {
	m := metrics.New(metrics.Build{Version: "1.2.3", Revision: "abc", GoVersion: "go1.26"})
	m.Endpoint("token").Request("BREW", 404, "complete", time.Millisecond, "")
	m.ClientAuth.Inc("token", "client_secret_basic", "accepted")
	m.ConflictTolerated.Inc("token", "multiple_methods")
	m.BasicDecoding.Inc("plain")
	m.ChallengeAdded.Inc("token")
	m.StatusCorrected.Inc("token")
	m.AmbiguousInvalidClient.Inc("token")
	m.Repaired.Inc("token", "status")
	m.UpstreamDuration("token", 3*time.Millisecond)
	m.UpstreamError.Inc("token", "timeout")
	m.MetadataRequest.Inc("hit")
	m.KeysFetched(true)
	m.StateError.Inc("assertions")
	m.StateUp(false)
	m.Assertions(func() time.Duration { return time.Minute }, func() int { return 2 })
	m.ConfigLoaded(false)
	m.Certificate("server", &tls.Certificate{Leaf: &x509.Certificate{NotAfter: time.Unix(1_900_000_000, 0)}})
	m.LogDropped.Inc("operations")
	m.ConnectionEvicted.Inc("reading")
	m.AdminRefused.Inc("host")
	m.ConnectionsCut(1, 2)
	m.MalformedRequest.Inc("header_too_large")
	m.Connections(func() (int, int) { return 3, 20 })
	ready := true
	m.Ready(func() bool { ready = !ready; return ready })
	return m
}

// TestNames checks the names and labels, which dashboards and alerts depend on.
func TestNames(t *testing.T) {
	got := exposed(t, everything())
	for want := range strings.Lines(`oauthgw_http_requests_total{code="404",end="complete",endpoint="token",method="unknown"} 1
oauthgw_http_request_duration_seconds_count{endpoint="token"} 1
oauthgw_http_requests_in_flight{endpoint="token"} 0
oauthgw_client_auth_total{auth_method="client_secret_basic",endpoint="token",outcome="accepted"} 1
oauthgw_client_auth_conflicts_tolerated_total{endpoint="token",reason="multiple_methods"} 1
oauthgw_basic_decoding_total{reading="plain"} 1
oauthgw_challenges_added_total{endpoint="token"} 1
oauthgw_statuses_corrected_total{endpoint="token"} 1
oauthgw_upstream_ambiguous_invalid_client_total{endpoint="token"} 1
oauthgw_repairs_total{endpoint="token",repair="status"} 1
oauthgw_upstream_request_duration_seconds_bucket{endpoint="token",le="0.0025"} 0
oauthgw_upstream_request_duration_seconds_bucket{endpoint="token",le="0.005"} 1
oauthgw_upstream_errors_total{endpoint="token",reason="timeout"} 1
oauthgw_metadata_requests_total{result="hit"} 1
oauthgw_metadata_age_seconds NaN
oauthgw_jwks_fetches_total{result="success"} 1
oauthgw_jwks_fetches_total{result="failure"} 0
oauthgw_jwks_age_seconds 60
oauthgw_state_up 0
oauthgw_state_errors_total{operation="assertions"} 1
oauthgw_replays_remembered 2
oauthgw_config_last_reload_successful 0
oauthgw_config_last_reload_success_timestamp_seconds 0
oauthgw_certificate_not_after_timestamp_seconds{role="server"} 1.9e+09
oauthgw_ready 0
oauthgw_log_dropped_total{log="operations"} 1
oauthgw_connections_evicted_total{state="reading"} 1
oauthgw_admin_requests_refused_total{reason="host"} 1
oauthgw_connections_cut_total{carried="websocket"} 2
oauthgw_connections_open 3
oauthgw_http_malformed_requests_total{reason="header_too_large"} 1
oauthgw_http_malformed_requests_total{reason="tls_handshake"} 0
oauthgw_build_info{goversion="go1.26",revision="abc",version="1.2.3"} 1
`) {
		if !strings.Contains(got, want) {
			t.Errorf("the exposition lacks %s\n%s", want, got)
		}
	}
}

// The table of metrics has each metric with its labels, in the order of the exposition.
func TestTableInDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	sample := regexp.MustCompile(`(?m)^(oauthgw_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$`)
	value := regexp.MustCompile(`="[^"]*",?`)
	rows := map[string]bool{}
	for _, m := range sample.FindAllStringSubmatch(exposed(t, everything()), -1) {
		labels := strings.Join(strings.Fields(value.ReplaceAllString(m[2], " ")), ", ")
		row := "\n| `" + m[1] + "` | " + strings.TrimLeft(strings.TrimSuffix(labels, ", le")+" | ", " ")
		if rows[row] = true; !strings.Contains(string(page), row) {
			t.Errorf("docs/observability.md has no row %s", row)
		}
	}
	if n := strings.Count(string(page), "\n| `oauthgw_"); n != len(rows) {
		t.Errorf("docs/observability.md has %d rows of metrics, the program has %d metrics", n, len(rows))
	}
}

// TestStates checks what is read at each scrape, or goes away.
func TestStates(t *testing.T) {
	m := everything()
	for _, want := range []string{"oauthgw_ready 0\n", "oauthgw_ready 1\n"} {
		if got := exposed(t, m); !strings.Contains(got, want) {
			t.Errorf("the exposition lacks %s\n%s", want, got)
		}
	}
	m.ConfigLoaded(true)
	m.MetadataFetched()
	m.Certificate("server", nil)
	got := exposed(t, m)
	for _, unwanted := range []string{"metadata_age_seconds NaN", "reload_successful 0", "timestamp_seconds 0\n", "oauthgw_certificate"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("the exposition still has %s", unwanted)
		}
	}
}

func TestClientAuthCounts(t *testing.T) {
	m := metrics.New(metrics.Build{})
	m.ClientAuth.Inc("token", "none", "rejected")
	m.ClientAuth.Inc("revocation", "none", "accepted")
	m.ClientAuth.Inc("token", "client_secret_post", "multiple_methods")
	m.ClientAuth.Inc("token", "none", "rejected")
	want := []metrics.ClientAuthCount{
		{Endpoint: "revocation", Method: "none", Outcome: "accepted", Count: 1},
		{Endpoint: "token", Method: "client_secret_post", Outcome: "multiple_methods", Count: 1},
		{Endpoint: "token", Method: "none", Outcome: "rejected", Count: 2},
	}
	if got := m.ClientAuthCounts(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestRepairCounts(t *testing.T) {
	m := metrics.New(metrics.Build{})
	for _, repair := range []string{"status", "media_type", "status"} {
		m.Repaired.Inc("token", repair)
	}
	m.Repaired.Inc("registration", "null")
	want := []metrics.RepairCount{{Endpoint: "registration", Repair: "null", Count: 1}, {Endpoint: "token", Repair: "media_type", Count: 1}, {Endpoint: "token", Repair: "status", Count: 2}}
	if got := m.RepairCounts(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
