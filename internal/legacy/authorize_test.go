package legacy_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"oauthgw/internal/legacy"
)

// GET asks the user, and what it shows of the client is text.
func TestConsentPage(t *testing.T) {
	p := start(t, legacy.Config{})
	a := p.do(t, http.MethodPost, "/oauth2/register", `{"redirect_uris":["`+redirectURI+`"],"client_name":"<script>"}`)
	query := authorization(client{ID: a.text("client_id")}, nil).Encode()
	page := p.do(t, http.MethodGet, "/oauth2/authorize?"+query, "")
	if page.status != http.StatusOK || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Fatalf("got %d %s", page.status, page.body)
	}
	if !strings.Contains(page.body, `<form method="post">`) || !strings.Contains(page.body, redirectURI) {
		t.Errorf("no form, or not to where: %s", page.body)
	}
	if strings.Contains(page.body, "<script>") {
		t.Errorf("the client's name is not escaped: %s", page.body)
	}
}

// POST sends the browser back with a code or a refusal, and the state.
func TestDecision(t *testing.T) {
	p := start(t, legacy.Config{})
	c := p.register(t)
	location := p.consent(t, c, nil)
	if location.Query().Get("state") != "a b&c" || !strings.HasPrefix(location.Query().Get("code"), "coder_") {
		t.Errorf("got %s", location)
	}
	a := p.post(t, "/oauth2/authorize?"+authorization(c, url.Values{"state": nil}).Encode(), url.Values{"decision": {"deny"}})
	if want := redirectURI + "?error=access_denied"; a.status != http.StatusFound || a.header.Get("Location") != want {
		t.Errorf("got %d to %s, want %s", a.status, a.header.Get("Location"), want)
	}
}

// Faults end at a page, never at the redirect URI.
func TestRefusedAuthorizations(t *testing.T) {
	p := start(t, legacy.Config{})
	c := p.register(t)
	tests := map[string]url.Values{
		"client_id missing":        {"client_id": nil},
		"client_id unknown":        {"client_id": {"me"}},
		"redirect_uri unknown":     {"redirect_uri": {redirectURI + "/"}},
		"redirect_uri's port":      {"redirect_uri": {"https://client.example:8443/callback"}},
		"response_type missing":    {"response_type": nil},
		"response_type token":      {"response_type": {"token"}},
		"plain challenge":          {"code_challenge_method": {"plain"}},
		"challenge without method": {"code_challenge_method": nil},
		"challenge of wrong size":  {"code_challenge": {verifier + "x"}},
		"resource with fragment":   {"resource": {publicURL + "/#a"}},
		"repeated parameter":       {"state": {"a", "a"}},
	}
	for name, changes := range tests {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				a := p.do(t, method, "/oauth2/authorize?"+authorization(c, changes).Encode(), "")
				if a.status != http.StatusBadRequest || a.header.Get("Location") != "" {
					t.Errorf("%s: got %d to %q", method, a.status, a.header.Get("Location"))
				}
			}
		})
	}
	if a := p.do(t, http.MethodGet, "/oauth2/authorize?"+authorization(c, nil).Encode()+"&a=%zz", ""); a.status != http.StatusBadRequest {
		t.Errorf("unparsable query: got %d", a.status)
	}
	if a := p.do(t, http.MethodPut, "/oauth2/authorize", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: got %d", a.status)
	}
}

// Redirect URIs are compared character by character, save for the port of a
// loopback address (RFC 8252 section 7.3).
func TestRedirectURIMatching(t *testing.T) {
	tests := map[string]struct {
		registered, sent string
		accepted         bool
	}{
		"equal":                      {"https://a.example/cb?x=1", "https://a.example/cb?x=1", true},
		"loopback port":              {"http://127.0.0.1/cb", "http://127.0.0.1:4711/cb", true},
		"other loopback port":        {"http://127.0.0.1:1/cb", "http://127.0.0.1:4711/cb", true},
		"loopback port of IPv6":      {"http://[::1]:1/cb", "http://[::1]:4711/cb", true},
		"port of localhost":          {"http://localhost:1/cb", "http://localhost:4711/cb", true},
		"private-use scheme":         {"com.example.app:/cb", "com.example.app:/cb", true},
		"the only one, not named":    {"https://a.example/cb", "", true},
		"other loopback path":        {"http://127.0.0.1:1/cb", "http://127.0.0.1:1/cb/", false},
		"other loopback address":     {"http://127.0.0.1:1/cb", "http://127.0.0.2:1/cb", false},
		"name in the loopback's way": {"http://127.0.0.1:1/cb", "http://127.0.0.1.example/cb", false},
		"user in the loopback's way": {"http://127.0.0.1:1/cb", "http://127.0.0.1:1@a.example/cb", false},
		"https is no loopback":       {"https://127.0.0.1:1/cb", "https://127.0.0.1:2/cb", false},
		"other port":                 {"http://a.example:1/cb", "http://a.example:2/cb", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, legacy.Config{})
			changes := url.Values{"redirect_uri": {test.sent}}
			query := authorization(p.register(t, test.registered), changes).Encode()
			a := p.do(t, http.MethodPost, "/oauth2/authorize?"+query, "")
			if accepted := a.status == http.StatusFound; accepted != test.accepted {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			if !test.accepted {
				return
			}
			target := test.sent
			if target == "" {
				target = test.registered
			}
			if !strings.HasPrefix(a.header.Get("Location"), target) {
				t.Errorf("sent to %s", a.header.Get("Location"))
			}
			if location, err := url.Parse(a.header.Get("Location")); err != nil || location.Query().Get("code") == "" {
				t.Errorf("no code in %s", a.header.Get("Location"))
			}
		})
	}
}

// A client with several redirect URIs has to name one.
func TestRedirectURIOfMany(t *testing.T) {
	p := start(t, legacy.Config{})
	c := p.register(t, redirectURI, "https://b.example/")
	query := authorization(c, url.Values{"redirect_uri": nil}).Encode()
	if a := p.do(t, http.MethodGet, "/oauth2/authorize?"+query, ""); a.status != http.StatusBadRequest {
		t.Errorf("got %d", a.status)
	}
}
