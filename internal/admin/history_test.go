package admin

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/internal/gateway"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"oauthgw/wellknown"
)

// TestHistory checks that the latest rejections are kept in order.
func TestHistory(t *testing.T) {
	var h History
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	h.Add(proxy.Decision{Time: at(1), Outcome: "accepted"})
	h.Add(proxy.Decision{Time: at(3), Outcome: "failed", Endpoint: clientauth.Token})
	if refusals, answered, failed := h.latest(); len(refusals) != 0 || !answered.Equal(at(1)) || failed.Endpoint != clientauth.Token {
		t.Errorf("got %v %v %v", refusals, answered, failed)
	}
	for n := range 3 * maxRefusals {
		h.Add(proxy.Decision{Time: at(n), Outcome: "rejected"})
		refusals, _, _ := h.latest()
		if len(refusals) != min(n+1, maxRefusals) || !refusals[0].Time.Equal(at(n)) || !refusals[len(refusals)-1].Time.Equal(at(n-len(refusals)+1)) {
			t.Errorf("of %d rejections %d are kept: %v", n+1, len(refusals), refusals)
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
	g, err := gateway.New(gateway.Config{Settings: s, Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	failed := time.Now()
	p := provider(g, []wellknown.Snapshot{{Err: errors.New("none"), Failed: failed, Absent: true}}, time.Time{}, proxy.Decision{})
	if !p.Reached.Equal(failed) || !p.Failed.IsZero() {
		t.Errorf("%+v", p)
	}
}
