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
