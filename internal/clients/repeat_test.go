package clients_test

import "testing"

// TestH02NamesInUnreadableRequests checks that a request that the gateway cannot read is refused if some
// server could find a public client in it.
func TestH02NamesInUnreadableRequests(t *testing.T) {
	for text, want := range map[string]bool{
		"client_id=%u0061gents": true, // ASP.NET
		"client_id=%u006":       false,
		"x=%zz":                 false,
	} {
		if got := table.Mentions(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}
