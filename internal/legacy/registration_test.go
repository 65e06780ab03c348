package legacy_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"oauthgw/internal/legacy"
)

// TestRegistration checks that every method gets a secret, and that the requested method is in the response.
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
		`{}`: "invalid_redirect_uri",
		`{"redirect_uris":["https://a.example/#"]}`: "invalid_redirect_uri",
		`{"redirect_uris":["javascript:alert(1)"]}`: "invalid_redirect_uri",
	} {
		wantError(t, body, p.do("POST", "/oauth2/register", body), 400, code, "")
	}
}

// TestNoRegistration checks that a provider without registration does not offer it, and that its
// configured clients log in.
func TestNoRegistration(t *testing.T) {
	p := newProvider(legacy.Config{NoRegistration: true, Clients: []legacy.Client{{ID: "a", Secret: "b", RedirectURIs: []string{redirectURI}}}})
	if r := p.do("POST", "/oauth2/register", `{"redirect_uris":["`+redirectURI+`"]}`); r.status != 404 {
		t.Errorf("got %d %s", r.status, r.body)
	}
	m := p.do("GET", "/.well-known/oauth-authorization-server", "").members
	if _, found := m["registration_endpoint"]; found || m["token_endpoint"] == nil {
		t.Errorf("the metadata is %v", m)
	}
	p.login(t, client{ID: "a", Secret: "b"})
}

// TestClientConfiguration checks that a client reads, changes and deletes itself with its own
// registration access token.
func TestClientConfiguration(t *testing.T) {
	p := newProvider(legacy.Config{Clients: []legacy.Client{{ID: "a b", Secret: "p:w"}}})
	c, other := p.register(t), p.register(t)
	tokens := p.login(t, c)
	path, bearer := "/oauth2/clients/"+c.ID, "Bearer "+c.RegistrationToken
	for _, authorization := range []string{"", "Bearer " + c.Secret, "Bearer " + other.RegistrationToken} {
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
	if r := p.do("DELETE", path, "", "Authorization", bearer); r.status != 204 || p.accepts(tokens) {
		t.Errorf("DELETE: %d %s, or its tokens still work", r.status, r.body)
	}
	wantError(t, "deleted", p.do("GET", path, "", "Authorization", bearer), 401, "invalid_token", "")
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

// TestRejectedAuthorizations checks that errors are a page, never a redirect.
func TestRejectedAuthorizations(t *testing.T) {
	p := newProvider(legacy.Config{})
	c := p.register(t, redirectURI, "https://b.example/")
	for name, changes := range map[string]url.Values{
		"client_id unknown":      {"client_id": {"me"}},
		"redirect_uri unknown":   {"redirect_uri": {redirectURI + "/"}},
		"response_type token":    {"response_type": {"token"}},
		"plain challenge":        {"code_challenge_method": {"plain"}},
		"resource with fragment": {"resource": {publicURL + "/#a"}},
		"repeated parameter":     {"state": {"a", "a"}},
	} {
		for _, method := range []string{"GET", "POST"} {
			r := p.do(method, "/oauth2/authorize?"+authorization(c, changes).Encode(), "")
			if r.status != 400 || r.header.Get("Location") != "" {
				t.Errorf("%s: %s: got %d to %q", name, method, r.status, r.header.Get("Location"))
			}
		}
	}
}
