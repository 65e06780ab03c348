package admin

import (
	"errors"
	"log/slog"
	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/internal/gateway"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"oauthgw/wellknown"
	"testing"
	"time"
)

// The latest rejections are kept in order, and decisions in front of an earlier provider
// are not reported as this provider's.
func TestHistory(t *testing.T) {
	var d History
	at := func(n int) time.Time { return time.Unix(int64(n), 0) }
	d.Add(proxy.Decision{Time: at(1), Outcome: "accepted"})
	d.Add(proxy.Decision{Time: at(3), Outcome: "failed", Endpoint: clientauth.Token})
	if got := d.latestRefusals(); len(got) != 0 {
		t.Errorf("kept as rejections: %v", got)
	}
	if answered, failed := d.upstream(at(1)); !answered.Equal(at(1)) || failed.Endpoint != clientauth.Token {
		t.Errorf("got %v %v", answered, failed)
	}
	if answered, failed := d.upstream(at(4)); !answered.IsZero() || !failed.Time.IsZero() {
		t.Errorf("of an earlier provider: %v %v", answered, failed)
	}
	for _, total := range []int{1, maxRefusals - 1, maxRefusals, maxRefusals + 1, 3*maxRefusals + 7} {
		var d History
		for n := range total {
			d.Add(proxy.Decision{Time: at(n), Outcome: "rejected"})
		}
		got := d.latestRefusals()
		if len(got) != min(total, maxRefusals) {
			t.Errorf("of %d rejections %d are kept", total, len(got))
		}
		for i, r := range got {
			if !r.Time.Equal(at(total - 1 - i)) {
				t.Errorf("of %d, at index %d is %v", total, i, r.Time.Unix())
			}
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
	r, err := gateway.NewReloader(gateway.ReloaderConfig{Config: gateway.Config{Settings: s, Telemetry: gateway.Telemetry{
		Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.DiscardHandler)}}})
	if err != nil {
		t.Fatal(err)
	}
	h := &Handler{config: Config{Reloader: r, History: &History{}}}
	failed := time.Now()
	p := h.provider(r.Current(), []wellknown.Snapshot{{Err: errors.New("none"), Failed: failed, Absent: true}}, wellknown.Provider{})
	if !p.Reached.Equal(failed) || !p.Failed.IsZero() {
		t.Errorf("%+v", p)
	}
}
