package clients_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
)

const codeGrant = "grant_type=authorization_code&code=c&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&client_id=agents"

// TestH03LendingUnderLaxRules checks requests that pass clientauth only as configured: no secret is lent
// beside other credentials, and no parameter that was checked is in a request twice.
func TestH03LendingUnderLaxRules(t *testing.T) {
	rules := clientauth.New(clientauth.Config{Conflict: clientauth.ConflictReport, Repeatable: []string{"response_type"}})
	own, err := clientauth.ParseForm("action=token")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		endpoint clientauth.Endpoint
		basic    bool // without a secret
		form     string
		lent     bool
		err      error
	}{
		{clientauth.Token, false, codeGrant, true, nil},
		{clientauth.Token, true, codeGrant, true, nil},
		{clientauth.Token, true, codeGrant + "&client_secret=wrong", false, nil},
		{clientauth.Token, true, codeGrant + "&client_assertion=e30.e30.x", false, nil},
		{clientauth.Token, false, codeGrant + "&action=token", true, nil},
		{clientauth.Token, false, codeGrant + "&action=introspect", true, clients.ErrDifferentParameters},
		{clientauth.Revocation, false, "token=t&client_id=agents&Action=introspect", true, clients.ErrDifferentParameters},
		{clientauth.PushedAuthorizationRequest, false, wholeRequest, true, nil},
		{clientauth.PushedAuthorizationRequest, false, wholeRequest + "&response_type=token", true, clientauth.ErrRepeatedParameter},
	} {
		var r clientauth.Request
		if r.Form, err = rules.ParseForm(test.form); err != nil {
			t.Fatal(err)
		}
		if test.basic {
			r.Header = map[string][]string{"Authorization": {"Basic YWdlbnRzOg=="}}
		}
		credentials, err := rules.Read(r)
		if err != nil {
			t.Fatal(err)
		}
		if use, err := table.Lend(test.endpoint, own, r, credentials); (use != nil) != test.lent || err != test.err {
			t.Errorf("%s, %v, %s: got %v, %v", test.endpoint, test.basic, test.form, use, err)
		}
	}
}

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
		{native, "8000/callback", false},
		{native, "http://127.0.0.1:8000", false},
		{"http://localhost.example/cb", "http://localhost:9.example/cb", false},
		{fixed, "http://127.0.0.1:9:8000/callback", false},
		{"cursor://anysphere/cb", "cursor://anysphere/cb", true},
		{"cursor://anysphere/cb", "cursor://anysphere:80/cb", false},
	} {
		if got := clients.MatchesRedirect(test.listed, test.uri); got != test.want {
			t.Errorf("%s is listed, %q: got %v", test.listed, test.uri, got)
		}
	}
}

var (
	loopbackURI = regexp.MustCompile(`^(http://(?:127\.0\.0\.1|\[::1\]|localhost))(:[0-9]*)?((?:[/?#].*)?)$`)
	uriPort     = regexp.MustCompile(`^:(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`)
)

// FuzzMatchesRedirect compares with a matcher that takes URIs apart by regular expressions.
func FuzzMatchesRedirect(f *testing.F) {
	for _, listed := range []string{"http://127.0.0.1/callback", "http://localhost", "http://[::1]?x", "http://localhost:8000/cb", "http://localhost:/cb", "https://app.example/cb"} {
		for _, uri := range []string{listed, "http://127.0.0.1:1/callback", "http://localhost:65535", "http://localhost:65536", "http://localhost:080", "http://localhost:+80", "http://[::1]:9?x", "http://localhost:8001/cb", "http://localhost::1/cb"} {
			f.Add(listed, uri)
		}
	}
	f.Fuzz(func(t *testing.T, listed, uri string) {
		l, u := loopbackURI.FindStringSubmatch(listed), loopbackURI.FindStringSubmatch(uri)
		want := uri == listed
		if l != nil && u != nil && l[2] == "" && uriPort.MatchString(u[2]) {
			want = l[1]+l[3] == u[1]+u[3]
		}
		// Configured URIs have no line end.
		if got := clients.MatchesRedirect(listed, uri); got != want && !strings.Contains(listed, "\n") {
			t.Fatalf("%q is listed, %q: got %v, want %v", listed, uri, got, want)
		}
	})
}

// TestH03CodeVerifiers checks the bounds of RFC 7636 section 4.1.
func TestH03CodeVerifiers(t *testing.T) {
	const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	long := strings.Repeat("v", 43)
	for text, valid := range map[string]bool{
		all: true, long: true, strings.Repeat("v", 128): true, strings.Repeat(".-~_", 11): true,
		"": false, long[1:]: false, strings.Repeat("v", 129): false, long + "+": false, "=" + long: false, long + "\n": false,
		long[:20] + " " + long: false, long[:20] + "\u00e4" + long: false, long + "%41": false,
	} {
		form, err := clientauth.ParseForm("grant_type=authorization_code&client_id=agents&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&code_verifier=" + url.QueryEscape(text))
		if err != nil {
			t.Fatal(err)
		}
		want := error(clients.ErrNoVerifier)
		if valid {
			want = nil
		}
		if use, err := table.Lend(clientauth.Token, nil, clientauth.Request{Form: form}, clientauth.Credentials{Method: clientauth.None}); use == nil || err != want {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
}
