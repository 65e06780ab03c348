package clients_test

import (
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
)

// TestH02NamesInUnreadableRequests checks that a request that the gateway cannot read is refused if some
// server could find a public client in it.
func TestH02NamesInUnreadableRequests(t *testing.T) {
	for text, want := range map[string]bool{
		"client_id=%u0061gents":       true, // ASP.NET
		"client_id=%u006":             false,
		"client_id=\u00e4gents#":      true, // some servers read a fragment, C strings end at a NUL
		"client_id=+\u00e4gents%00&x": true,
		"client_id=\u00e4#":           false,
		"x=%zz":                       false,
	} {
		if got := table.Mentions(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// TestH05EscapedSecrets checks escapes that the pages and messages of providers have.
func TestH05EscapedSecrets(t *testing.T) {
	c := clients.Client{Secret: clientauth.NewSecret("it's-a/s3cret+0123456789")}
	for text, want := range map[string]bool{
		`{'client_secret': 'it\'s-a/s3cret+0123456789'}`:   true, // Python, PHP
		`"it\x27s\x2da\x2fs3cret\x2b0123456789"`:           true, // JavaScript
		`"it\u0027s-a\/s3cret\u002B0123456789"`:            true, // JSON
		"it%u0027s-a%2fs3cret%2B0123456789":                true, // ASP.NET
		"#0 a.php(1): check('agents', 'it's-a/s3cret+0...": true, // PHP
		`it\u002`:                 false,
		"it's-a/s3cret+ is wrong": false,
	} {
		if got := c.Repeats(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	if !c.Repeats("i\x00t\x00'\x00s\x00-\x00a\x00/\x00s\x003\x00c\x00r\x00e\x00t\x00+\x000\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00") {
		t.Error("it is not found in UTF-16")
	}
}
