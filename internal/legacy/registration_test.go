package legacy_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"oauthgw/internal/legacy"
)

// Every method gets a secret, and the requested method is in the response.
func TestRegistration(t *testing.T) {
	p := newProvider(legacy.Config{})
	for asked, want := range map[string]string{
		``: "client_secret_basic",
		`,"token_endpoint_auth_method":"client_secret_post"`: "client_secret_post",
		`,"token_endpoint_auth_method":"none"`:               "none",
	} {
		r := p.do("POST", "/oauth2/register", `{"redirect_uris":["`+redirectURI+`"],"client_name":"A","unknown":1`+asked+`}`)
		id := r.text("client_id")
		if r.status != 201 || r.text("token_endpoint_auth_method") != want || !strings.HasPrefix(r.text("client_secret"), "coder_") {
			t.Errorf("%s: got %d %s", asked, r.status, r.body)
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("client_id %q is not a random UUID", id)
		}
		if r.text("registration_client_uri") != publicURL+"/oauth2/clients/"+id || r.text("registration_access_token") == "" ||
			r.members["client_secret_expires_at"] != nil || r.members["client_id_issued_at"] == nil {
			t.Errorf("unexpected members: %s", r.body)
		}
		wantBareHeader(t, r)
	}
}

func TestRejectedRegistrations(t *testing.T) {
	p := newProvider(legacy.Config{})
	for body, code := range map[string]string{
		`redirect_uris=x`: "invalid_client_metadata",
		`{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt"}`: "invalid_client_metadata",
		`{"client_name":"` + strings.Repeat("a", 64<<10) + `"}`:                                   "invalid_client_metadata",
		`{}`:                              "invalid_redirect_uri",
		`{"redirect_uris":["/callback"]}`: "invalid_redirect_uri",
		`{"redirect_uris":["https://a.example/#"]}`:    "invalid_redirect_uri",
		`{"redirect_uris":["javascript:alert(1)"]}`:    "invalid_redirect_uri",
		`{"redirect_uris":["https://a.example/","b"]}`: "invalid_redirect_uri",
	} {
		wantError(t, body, p.do("POST", "/oauth2/register", body), 400, code, "")
	}
}

// The number of clients is bounded, and a deletion makes room.
func TestRegistrationIsBounded(t *testing.T) {
	p := newProvider(legacy.Config{})
	var last client
	for range 1000 {
		last = p.register(t)
	}
	r := p.do("POST", "/oauth2/register", `{"redirect_uris":["`+redirectURI+`"]}`)
	wantError(t, "client 1001", r, 503, "temporarily_unavailable", "")
	p.do("DELETE", "/oauth2/clients/"+last.ID, "", "Authorization", "Bearer "+last.RegistrationToken)
	p.register(t)
}

// A client reads, changes and deletes itself with its own registration access token.
func TestClientConfiguration(t *testing.T) {
	p := newProvider(legacy.Config{Clients: []legacy.Client{{ID: "a b", Secret: "p:w"}}})
	c, other := p.register(t), p.register(t)
	tokens := p.login(t, c)
	path, bearer := "/oauth2/clients/"+c.ID, "Bearer "+c.RegistrationToken
	for _, authorization := range []string{"", "Bearer", "Bearer " + c.Secret, "Bearer " + other.RegistrationToken, "Basic " + c.RegistrationToken} {
		wantError(t, authorization, p.do("GET", path, "", "Authorization", authorization), 401, "invalid_token", "")
	}
	wantError(t, "a configured client", p.do("GET", "/oauth2/clients/a b", "", "Authorization", "Bearer "), 401, "invalid_token", "")
	r := p.do("GET", path, "", "Authorization", bearer)
	if r.status != 200 || r.text("client_id") != c.ID || strings.Contains(r.body, "coder_") {
		t.Errorf("GET: %d %s", r.status, r.body)
	}
	r = p.do("PUT", path, `{"redirect_uris":["https://b.example/"],"client_name":"B"}`, "Authorization", bearer)
	if r.status != 200 || r.text("client_name") != "B" || r.text("client_id") != c.ID {
		t.Errorf("PUT: %d %s", r.status, r.body)
	}
	wantError(t, "PUT", p.do("PUT", path, `{}`, "Authorization", bearer), 400, "invalid_redirect_uri", "")
	if r := p.do("POST", path, "", "Authorization", bearer); r.status != 405 {
		t.Errorf("POST: %d %s", r.status, r.body)
	}
	if r := p.do("DELETE", path, "", "Authorization", bearer); r.status != 204 || p.accepts(tokens) {
		t.Errorf("DELETE: %d %s, or its tokens still work", r.status, r.body)
	}
	wantError(t, "deleted", p.do("GET", path, "", "Authorization", bearer), 401, "invalid_token", "")
}

func TestConfiguredClient(t *testing.T) {
	c := client{ID: "a b", Secret: "p:w%+d/é"}
	p := newProvider(legacy.Config{Clients: []legacy.Client{{ID: c.ID, Secret: c.Secret, RedirectURIs: []string{redirectURI}}}})
	p.login(t, c)
}

func TestConsentPage(t *testing.T) {
	p := newProvider(legacy.Config{})
	r := p.do("POST", "/oauth2/register", `{"redirect_uris":["`+redirectURI+`"],"client_name":"<script>"}`)
	target := "/oauth2/authorize?" + authorization(client{ID: r.text("client_id")}, url.Values{"state": nil}).Encode()
	page := p.do("GET", target, "")
	if page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") ||
		!strings.Contains(page.body, `<form method="post">`) || !strings.Contains(page.body, redirectURI) || strings.Contains(page.body, "<script>") {
		t.Errorf("got %d %s", page.status, page.body)
	}
	denied := p.post(target, url.Values{"decision": {"deny"}})
	if want := redirectURI + "?error=access_denied"; denied.status != 302 || denied.header.Get("Location") != want {
		t.Errorf("got %d to %s, want %s", denied.status, denied.header.Get("Location"), want)
	}
}

// Errors are a page, never a redirect.
func TestRejectedAuthorizations(t *testing.T) {
	p := newProvider(legacy.Config{})
	c := p.register(t, redirectURI, "https://b.example/")
	for name, changes := range map[string]url.Values{
		"client_id missing":        {"client_id": nil},
		"client_id unknown":        {"client_id": {"me"}},
		"redirect_uri missing":     {"redirect_uri": nil},
		"redirect_uri unknown":     {"redirect_uri": {redirectURI + "/"}},
		"response_type missing":    {"response_type": nil},
		"response_type token":      {"response_type": {"token"}},
		"plain challenge":          {"code_challenge_method": {"plain"}},
		"challenge without method": {"code_challenge_method": nil},
		"challenge of wrong size":  {"code_challenge": {verifier + "x"}},
		"resource with fragment":   {"resource": {publicURL + "/#a"}},
		"repeated parameter":       {"state": {"a", "a"}},
	} {
		for _, method := range []string{"GET", "POST"} {
			r := p.do(method, "/oauth2/authorize?"+authorization(c, changes).Encode(), "")
			if r.status != 400 || r.header.Get("Location") != "" {
				t.Errorf("%s: %s: got %d to %q", name, method, r.status, r.header.Get("Location"))
			}
		}
	}
	if r := p.do("GET", "/oauth2/authorize?"+authorization(c, nil).Encode()+"&a=%zz", ""); r.status != 400 {
		t.Errorf("invalid escape: got %d", r.status)
	}
	if r := p.do("PUT", "/oauth2/authorize", ""); r.status != 405 {
		t.Errorf("PUT: got %d", r.status)
	}
}

func TestRedirectURIMatching(t *testing.T) {
	for name, test := range map[string]struct {
		registered, sent string
		location         string // its beginning; empty: rejected
	}{
		"with a query":            {"https://a.example/cb?x=1", "https://a.example/cb?x=1", "https://a.example/cb?x=1&code="},
		"loopback port":           {"http://127.0.0.1/cb", "http://127.0.0.1:4711/cb", "http://127.0.0.1:4711/cb?code="},
		"other loopback port":     {"http://[::1]:1/cb", "http://[::1]:4711/cb", "http://[::1]:4711/cb?code="},
		"port of localhost":       {"http://localhost:1/cb", "http://localhost:4711/cb", "http://localhost:4711/cb?code="},
		"private-use scheme":      {"com.example.app:/cb", "com.example.app:/cb", "com.example.app:/cb?code="},
		"the only one, not named": {"https://a.example/cb", "", "https://a.example/cb?code="},
		"other loopback path":     {"http://127.0.0.1:1/cb", "http://127.0.0.1:1/cb/", ""},
		"other loopback address":  {"http://127.0.0.1:1/cb", "http://127.0.0.2:1/cb", ""},
		"name like a loopback":    {"http://127.0.0.1:1/cb", "http://127.0.0.1.example/cb", ""},
		"user like a loopback":    {"http://127.0.0.1:1/cb", "http://127.0.0.1:1@a.example/cb", ""},
		"https loopback":          {"https://127.0.0.1:1/cb", "https://127.0.0.1:2/cb", ""},
		"other port":              {"http://a.example:1/cb", "http://a.example:2/cb", ""},
	} {
		p := newProvider(legacy.Config{})
		query := authorization(p.register(t, test.registered), url.Values{"redirect_uri": {test.sent}}).Encode()
		location := p.do("POST", "/oauth2/authorize?"+query, "").header.Get("Location")
		if !strings.HasPrefix(location, test.location) || location != "" && test.location == "" {
			t.Errorf("%s: redirected to %q", name, location)
		}
	}
}
