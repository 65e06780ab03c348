package clients_test

import (
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
		{"cursor://anysphere/cb", "cursor://anysphere/cb", true},
		{"cursor://anysphere/cb", "cursor://anysphere:80/cb", false},
	} {
		if got := clients.MatchesRedirect(test.listed, test.uri); got != test.want {
			t.Errorf("%s is listed, %q: got %v", test.listed, test.uri, got)
		}
	}
}
