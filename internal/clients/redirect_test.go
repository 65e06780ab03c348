package clients_test

import (
	"testing"

	"oauthgw/internal/clients"
)

func TestH01RedirectURIs(t *testing.T) {
	const web, native, fixed = "https://app.example/cb", "http://127.0.0.1/callback", "http://127.0.0.1:8000/callback"
	for _, test := range []struct {
		listed, uri string
		want        bool
	}{
		{web, web, true},
		{web, "https://app.example/cb/", false},
		{web, "https://APP.example/cb", false},
		{web, "https://app.example:443/cb", false},
		{web, "https://app.example/cb?x=1", false},
		{web, "https://app.example/%63b", false},
		{web, "https://app.example/x/../cb", false},
		{"https://app.example/callback/*", "https://app.example/callback/x", false},
		{native, native, true},
		{native, "http://127.0.0.1:1/callback", true},
		{native, "http://127.0.0.1:65535/callback", true},
		{native, "http://127.0.0.1:65536/callback", false},
		{native, "http://127.0.0.1:0/callback", false},
		{native, "http://127.0.0.1:080/callback", false},
		{native, "http://127.0.0.1:/callback", false},
		{native, "http://127.0.0.1:8000/callback/", false},
		{native, "http://127.0.0.1:8000/callback/x", false},
		{native, "http://localhost:8000/callback", false},
		{native, "http://127.0.0.2:8000/callback", false},
		{native, "https://127.0.0.1:8000/callback", false},
		{native, "HTTP://127.0.0.1:8000/callback", false},
		{native, "http://127.0.0.1:8000@evil.example/callback", false},
		{native, "http://127.0.0.1:8000\\@evil.example/callback", false},
		{native, "http://127.0.0.1.evil.example/callback", false},
		{native, "http://127.0.0.1:8000/callback\n", false},
		{native, "", false},
		{fixed, fixed, true},
		{fixed, "http://127.0.0.1:8001/callback", false},
		{fixed, native, false},
		{"http://[::1]/cb?x", "http://[::1]:9/cb?x", true},
		{"http://localhost", "http://localhost:9", true},
		{"http://localhost", "http://localhost:9/", false},
		{"http://192.0.2.1/cb", "http://192.0.2.1:80/cb", false},
		{"cursor://anysphere/cb", "cursor://anysphere/cb", true},
		{"cursor://anysphere/cb", "cursor://anysphere:80/cb", false},
	} {
		if got := clients.MatchesRedirect(test.listed, test.uri); got != test.want {
			t.Errorf("%s is listed, %q: got %v", test.listed, test.uri, got)
		}
	}
}
