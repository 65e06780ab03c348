package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/internal/gateway"
	"oauthgw/internal/statuspage"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"oauthgw/wellknown"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// facts returns what the page gets of a history at a time.
func (h *History) facts(now time.Time) (f statuspage.Facts) {
	f.Now = now
	h.read(&f)
	return f
}

// TestHistory checks that decisions are grouped, and that groups keep the last request IDs.
func TestHistory(t *testing.T) {
	var h History
	add := func(seconds int, d proxy.Decision) {
		d.Time, d.Endpoint, d.RequestID = noon.Add(time.Duration(seconds)*time.Second), clientauth.Token, fmt.Sprint(seconds)
		h.Add(d)
	}
	add(1, proxy.Decision{Outcome: "accepted"})
	add(2, proxy.Decision{Outcome: "accepted", Method: clientauth.Basic, Tolerated: "multiple_methods"})
	for n := 3; n < 8; n++ {
		add(n, proxy.Decision{Outcome: "rejected", Method: clientauth.Basic, Status: 401})
	}
	add(8, proxy.Decision{Outcome: "unclear", Method: clientauth.Basic, Status: 403})
	add(9, proxy.Decision{Outcome: "unclear", Method: clientauth.Basic, Status: 200})
	add(10, proxy.Decision{Outcome: "query_credentials", Status: 400})
	add(11, proxy.Decision{Outcome: "failed", Status: 503})
	add(12, proxy.Decision{Outcome: "panic", Status: 500})
	add(13, proxy.Decision{Outcome: "canceled", Tolerated: "different_client_id"})
	var f statuspage.Facts
	f.Now = noon.Add(time.Minute)
	answered, failed := h.read(&f)
	if !answered.Equal(noon.Add(9*time.Second)) || failed.Status != 503 {
		t.Errorf("answered %v, failed %v", answered, failed)
	}
	if want := (statuspage.Recent{statuspage.Accepted: 3, statuspage.Rejected: 6, statuspage.Refused: 1, statuspage.Failed: 2, statuspage.Tolerated: 1}); !maps.Equal(f.Recent, want) {
		t.Errorf("got %v, want %v", f.Recent, want)
	}
	var got []string
	for _, g := range f.Groups {
		got = append(got, fmt.Sprint(g.Kind, g.Endpoint, g.Method, g.Reason, g.Count, g.Last.Second(), g.RequestIDs))
	}
	want := []string{
		fmt.Sprint(statuspage.Tolerated, "token", "unknown", "different_client_id", 1, 13, []string{"13"}),
		fmt.Sprint(statuspage.Failed, "token", "unknown", "panic", 1, 12, []string{"12"}),
		fmt.Sprint(statuspage.Failed, "token", "unknown", "failed", 1, 11, []string{"11"}),
		fmt.Sprint(statuspage.Refused, "token", "unknown", "query_credentials", 1, 10, []string{"10"}),
		fmt.Sprint(statuspage.Rejected, "token", "client_secret_basic", "unclear", 1, 8, []string{"8"}),
		fmt.Sprint(statuspage.Rejected, "token", "client_secret_basic", "rejected", 5, 7, []string{"7", "6", "5"}),
		fmt.Sprint(statuspage.Tolerated, "token", "client_secret_basic", "multiple_methods", 1, 2, []string{"2"}),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestUses checks what is counted of each configured client, and when its secret works.
func TestUses(t *testing.T) {
	at := func(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }
	lent := proxy.Decision{Client: "agents", Endpoint: clientauth.Token, Outcome: "accepted", Status: 200}
	with := func(change func(*proxy.Decision)) proxy.Decision {
		d := lent
		change(&d)
		return d
	}
	rejected := with(func(d *proxy.Decision) { d.Outcome, d.Failure, d.Status = "failed", "secret_rejected", 502 })
	for _, test := range []struct {
		name      string
		decisions []proxy.Decision
		want      statuspage.ClientUses
	}{
		{"nothing", nil, statuspage.ClientUses{}},
		{"a token", []proxy.Decision{lent}, statuspage.ClientUses{Used: 1, Counts: [...]uint64{1, 0, 0, 0}, SecretAccepted: at(0)}},
		{"another error than invalid_client", []proxy.Decision{with(func(d *proxy.Decision) { d.Status = 400 })}, statuspage.ClientUses{Used: 1, Counts: [...]uint64{1, 0, 0, 0}}},
		{"a revocation", []proxy.Decision{with(func(d *proxy.Decision) { d.Endpoint = clientauth.Revocation })}, statuspage.ClientUses{Used: 1, Counts: [...]uint64{1, 0, 0, 0}}},
		{"a response that cannot be read", []proxy.Decision{with(func(d *proxy.Decision) { d.Outcome = "unclear" })}, statuspage.ClientUses{Used: 1, Counts: [...]uint64{1, 0, 0, 0}}},
		{"a refusal", []proxy.Decision{with(func(d *proxy.Decision) { d.Outcome, d.Status = "no_code_verifier", 400 })}, statuspage.ClientUses{Used: 1, Counts: [...]uint64{0, 0, 1, 0}}},
		{"a registration", []proxy.Decision{{Client: "agents", Endpoint: clientauth.Registration, Outcome: "registered", Status: 201}}, statuspage.ClientUses{Registered: 1}},
		{"a client that is gone", []proxy.Decision{with(func(d *proxy.Decision) { d.Outcome, d.Failure, d.Status = "canceled", "canceled", 0 })}, statuspage.ClientUses{Used: 1}},
		{"another failure", []proxy.Decision{with(func(d *proxy.Decision) { d.Outcome, d.Failure, d.Status = "failed", "secret_repeated", 502 })}, statuspage.ClientUses{Used: 1, Counts: [...]uint64{0, 0, 0, 1}}},
		{"a token, then a rejection", []proxy.Decision{lent, rejected}, statuspage.ClientUses{Used: 2, Counts: [...]uint64{1, 1, 0, 0}, SecretAccepted: at(0), SecretRejected: at(1)}},
		{"another client", []proxy.Decision{{Client: "other", Endpoint: clientauth.Token, Outcome: "accepted"}, {ClientID: "agents", Endpoint: clientauth.Token, Outcome: "rejected"}}, statuspage.ClientUses{}},
	} {
		var h History
		for i, d := range test.decisions {
			d.Time = at(i)
			h.Add(d)
		}
		got := h.usesOf("agents")
		if last := len(test.decisions) - 1; !got.Last.Equal(at(last)) && got.Used > got.Counts[statuspage.Refused] || got.Used == got.Counts[statuspage.Refused] && !got.Last.IsZero() {
			t.Errorf("%s: last used %v", test.name, got.Last)
		}
		if got.Last = (time.Time{}); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
	var h History
	h.Add(rejected)
	if h.failed.Outcome != "" {
		t.Error("a provider that rejects a secret does not fail")
	}
}

// TestRecent checks that only the last requests of the last hour are recent.
func TestRecent(t *testing.T) {
	var h History
	for n := range 3 * statuspage.RecentRequests {
		outcome := "rejected"
		if n >= 2*statuspage.RecentRequests+1 {
			outcome = "accepted"
		}
		h.Add(proxy.Decision{Time: noon.Add(time.Duration(n) * time.Second), Outcome: outcome})
	}
	last := noon.Add((3*statuspage.RecentRequests - 1) * time.Second)
	for _, test := range []struct {
		now                time.Time
		accepted, rejected int
	}{
		{last, statuspage.RecentRequests - 1, 1},
		{last.Add(statuspage.RecentTime - time.Second), 1, 0},
		{last.Add(statuspage.RecentTime), 0, 0},
	} {
		got := h.facts(test.now).Recent
		if got[statuspage.Accepted] != test.accepted || got[statuspage.Rejected] != test.rejected {
			t.Errorf("%v: got %v", test.now, got)
		}
	}
}

// TestMissingMetadataIsAResponse checks that a provider without metadata counts as reachable.
func TestMissingMetadataIsAResponse(t *testing.T) {
	c := config.Default()
	c.Upstream.URL = "http://127.0.0.1:1"
	s, err := c.Validate()
	if err != nil {
		t.Fatal(err)
	}
	g := gateway.New(gateway.Config{Settings: s, Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.DiscardHandler)})
	failed := time.Now()
	p := provider(g, []wellknown.Snapshot{{Err: errors.New("none"), Failed: failed, Absent: true}}, time.Time{}, proxy.Decision{})
	if !p.Reached.Equal(failed) || !p.Failed.IsZero() {
		t.Errorf("%+v", p)
	}
}
