package statuspage

import (
	"errors"
	"testing"
	"time"

	"oauthgw/wellknown"
)

// TestAuthentication checks the rule of the tile of client authentication.
func TestAuthentication(t *testing.T) {
	for _, test := range []struct {
		recent                          Recent
		wantState, wantWord, wantDetail string
	}{
		{nil, "unknown", "No requests", "in the last 60 minutes"},
		{Recent{Accepted: 1}, "good", "OK", "1 of 1 recent request accepted"},
		{Recent{Accepted: 1, Tolerated: 1}, "good", "OK", "1 of 1 recent request accepted, 1 with a tolerated conflict"},
		{Recent{Rejected: 1}, "warning", "Some failing", "0 of 1 recent request accepted, 1 rejected by the provider"},
		{Recent{Accepted: 1, Refused: 1}, "warning", "Some failing", "1 of 2 recent requests accepted, 1 refused by the gateway"},
		{Recent{Failed: 4}, "warning", "Some failing", "0 of 4 recent requests accepted, 4 failed"},
		{Recent{Failed: 5}, "bad", "Failing", "0 of 5 recent requests accepted, 5 failed"},
		{Recent{Accepted: 91, Rejected: 9}, "good", "OK", "91 of 100 recent requests accepted, 9 rejected by the provider"},
		{Recent{Accepted: 90, Rejected: 10}, "warning", "Some failing", "90 of 100 recent requests accepted, 10 rejected by the provider"},
		{Recent{Accepted: 6, Rejected: 5}, "warning", "Some failing", "6 of 11 recent requests accepted, 5 rejected by the provider"},
		{Recent{Accepted: 5, Rejected: 3, Refused: 1, Failed: 1}, "bad", "Failing", "5 of 10 recent requests accepted, 3 rejected by the provider, 1 refused by the gateway, 1 failed"},
		{Recent{Accepted: 38, Rejected: 62}, "bad", "Failing", "38 of 100 recent requests accepted, 62 rejected by the provider"},
	} {
		if got, want := authentication(test.recent), (tile{"Client authentication", test.wantState, test.wantWord, test.wantDetail}); got != want {
			t.Errorf("%v: got %v, want %v", test.recent, got, want)
		}
	}
}

// TestMetadataTile checks that the tile distinguishes a failed fetch from metadata that is absent or
// was not fetched yet.
func TestMetadataTile(t *testing.T) {
	now := time.Now()
	failed, absent := wellknown.Snapshot{Err: errors.New("status 421")}, wellknown.Snapshot{Err: errors.New("404"), Absent: true}
	known, stale, expired := wellknown.Snapshot{Fetched: now}, wellknown.Snapshot{Fetched: now, Err: failed.Err}, wellknown.Snapshot{Fetched: now, Expired: true, Err: failed.Err}
	for want, documents := range map[string][]wellknown.Snapshot{
		"unknown: Unknown":  {{}, {}},
		"unknown: None":     {absent, {}},
		"bad: Fetch failed": {absent, failed},
		"good: OK":          {absent, known, stale},
	} {
		if got := metadata(Facts{Documents: documents}); got.State+": "+got.Word != want {
			t.Errorf("%s: got %v", want, got)
		}
	}
	if got := metadata(Facts{Documents: []wellknown.Snapshot{expired}, Problems: []string{"p"}}); got.Word != "Fetch failed" {
		t.Errorf("an expired document: got %v", got)
	}
}

// TestTitle checks that the title names the worst tile.
func TestTitle(t *testing.T) {
	all := []tile{{"Gateway", "good", "Ready", ""}, {"A", "unknown", "u", ""}, {"B", "warning", "w", ""}, {"C", "bad", "b", ""}}
	for n, want := range []string{"Ready", "Ready", "B: w", "C: b"} {
		if got := title(all[:n+1]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
