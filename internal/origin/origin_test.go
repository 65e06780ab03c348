package origin_test

import (
	"net/url"
	"strings"
	"testing"

	"oauthgw/internal/origin"
)

func TestMove(t *testing.T) {
	m := origin.Map{From: []*url.URL{nil, origin.Of("https://idp.example/t1"), origin.Of("http://127.0.0.1:3000")}, To: origin.Of("https://gw.example")}
	for _, test := range []struct {
		text, want string
		there      bool
	}{
		{"https://idp.example", "https://gw.example", true},
		{"https://idp.example/", "https://gw.example/", true},
		{"https://IDP.example:443/t1//a%2fb?x=%7e#f", "https://gw.example/t1//a%2fb?x=%7e#f", true},
		{"http://127.0.0.1:3000/register?x", "https://gw.example/register?x", true},
		{"https://gw.example:443/t1", "https://gw.example:443/t1", true},
		{"http://idp.example/t1", "http://idp.example/t1", false},
		{"https://idp.example:8443/t1", "https://idp.example:8443/t1", false},
		{"https://other.example/https://idp.example/", "https://other.example/https://idp.example/", false},
		{"/t1", "/t1", false},
		{"urn:x", "urn:x", false},
		{"", "", false},
	} {
		if got, there := m.Move(test.text); got != test.want || there != test.there {
			t.Errorf("%s: got %s, %v; want %s, %v", test.text, got, there, test.want, test.there)
		}
	}
	if got, there := (origin.Map{}).Move("https://idp.example/"); got != "https://idp.example/" || there {
		t.Errorf("the zero map moved to %s", got)
	}
}

// A URL that moves has the new origin and the same path, query and fragment. Any other
// stays.
func FuzzMove(f *testing.F) {
	for _, seed := range []string{"https://idp.example/a?b#c", "https://idp.example@evil.example/", "https://evil.example@idp.example", `https://idp.example\@evil.example/`, "HTTPS://IDP.EXAMPLE:443", "https://idp.example?@evil.example", "https:///idp.example", "http://[::1]/", "https://idp.example:/x"} {
		f.Add(seed)
	}
	m := origin.Map{From: []*url.URL{origin.Of("https://idp.example"), origin.Of("http://[::1]")}, To: origin.Of("https://gw.example")}
	f.Fuzz(func(t *testing.T, text string) {
		moved, there := m.Move(text)
		if moved == text {
			return
		}
		before, err := url.Parse(text)
		after, err2 := url.Parse(moved)
		if err != nil || err2 != nil || !there || !strings.HasPrefix(moved, "https://gw.example") || !origin.Same(after, m.To) || after.User != nil ||
			!origin.Same(before, m.From[0]) && !origin.Same(before, m.From[1]) ||
			after.EscapedPath() != before.EscapedPath() || after.RawQuery != before.RawQuery || after.EscapedFragment() != before.EscapedFragment() {
			t.Errorf("%q moved to %q", text, moved)
		}
	})
}

func TestConfidential(t *testing.T) {
	for text, want := range map[string]bool{
		"https://a": true, "http://a": false, "http://localhost:1": true, "http://127.0.0.9": true, "http://[::1]:1": true, "http://127.0.0.1.example": false,
	} {
		if got := origin.IsConfidential(origin.Of(text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for _, text := range []string{"", "a", "ftp://a", "https://", "https:///a", "https://a b"} {
		if u := origin.Of(text); u != nil {
			t.Errorf("%s has the origin %s", text, u)
		}
	}
	if origin.Same(nil, nil) || origin.Same(origin.Of("https://a"), nil) {
		t.Error("nil has an origin")
	}
}
