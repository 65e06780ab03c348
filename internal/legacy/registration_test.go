package legacy_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"oauthgw/internal/legacy"
)

// A secret is issued whatever the method; the method asked for is echoed.
func TestRegistration(t *testing.T) {
	p := start(t, legacy.Config{})
	tests := map[string]struct{ asked, want string }{
		"default": {``, "client_secret_basic"},
		"basic":   {`,"token_endpoint_auth_method":"client_secret_basic"`, "client_secret_basic"},
		"post":    {`,"token_endpoint_auth_method":"client_secret_post"`, "client_secret_post"},
		"none":    {`,"token_endpoint_auth_method":"none"`, "none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := p.do(t, http.MethodPost, "/oauth2/register",
				`{"redirect_uris":["`+redirectURI+`"],"client_name":"A","unknown":1`+test.asked+`}`)
			if a.status != http.StatusCreated || a.text("token_endpoint_auth_method") != test.want {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			id := a.text("client_id")
			if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
				t.Errorf("client_id %q is not a random UUID", id)
			}
			if !regexp.MustCompile(`^coder_[0-9A-Za-z]{10}_[0-9A-Za-z]{40}$`).MatchString(a.text("client_secret")) {
				t.Errorf("client_secret has another shape")
			}
			if a.text("registration_client_uri") != publicURL+"/oauth2/clients/"+id || a.text("registration_access_token") == "" {
				t.Errorf("the client cannot manage itself: %s", a.body)
			}
			if _, found := a.member["client_secret_expires_at"]; found || a.member["client_id_issued_at"] == nil {
				t.Errorf("client_secret_expires_at is there, or client_id_issued_at is not: %s", a.body)
			}
			wantBareHeader(t, a)
		})
	}
}

// The refusals of registration.
func TestRefusedRegistrations(t *testing.T) {
	p := start(t, legacy.Config{})
	tests := map[string]struct{ body, code string }{
		"not JSON":          {`redirect_uris=x`, "invalid_client_metadata"},
		"unknown method":    {`{"redirect_uris":["https://a.example/"],"token_endpoint_auth_method":"private_key_jwt"}`, "invalid_client_metadata"},
		"too large":         {`{"client_name":"` + strings.Repeat("a", 64<<10) + `"}`, "invalid_client_metadata"},
		"no redirect URI":   {`{}`, "invalid_redirect_uri"},
		"relative":          {`{"redirect_uris":["/callback"]}`, "invalid_redirect_uri"},
		"fragment":          {`{"redirect_uris":["https://a.example/#"]}`, "invalid_redirect_uri"},
		"javascript":        {`{"redirect_uris":["javascript:alert(1)"]}`, "invalid_redirect_uri"},
		"one of two is bad": {`{"redirect_uris":["https://a.example/","b"]}`, "invalid_redirect_uri"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			wantRefusal(t, p.do(t, http.MethodPost, "/oauth2/register", test.body), 400, test.code, "")
		})
	}
}

// Open registration has an end, and a deletion makes room.
func TestRegistrationIsBounded(t *testing.T) {
	p := start(t, legacy.Config{})
	var last client
	for range 1000 {
		last = p.register(t)
	}
	body := fmt.Sprintf(`{"redirect_uris":[%q]}`, redirectURI)
	wantRefusal(t, p.do(t, http.MethodPost, "/oauth2/register", body), 503, "temporarily_unavailable", "")
	p.do(t, http.MethodDelete, "/oauth2/clients/"+last.ID, "", "Authorization", "Bearer "+last.RegistrationToken)
	p.register(t)
}

// A client reads, changes and deletes itself with its registration access
// token; its secrets are not told again.
func TestClientConfiguration(t *testing.T) {
	p := start(t, legacy.Config{})
	c := p.register(t)
	login := p.login(t, c)
	path, bearer := "/oauth2/clients/"+c.ID, "Bearer "+c.RegistrationToken
	a := p.do(t, http.MethodGet, path, "", "Authorization", bearer)
	if a.status != http.StatusOK || a.text("client_id") != c.ID || strings.Contains(a.body, "coder_") {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
	a = p.do(t, http.MethodPut, path, `{"redirect_uris":["https://b.example/"],"client_name":"B"}`, "Authorization", bearer)
	if a.status != http.StatusOK || a.text("client_name") != "B" || a.text("client_id") != c.ID {
		t.Errorf("PUT: %d %s", a.status, a.body)
	}
	wantRefusal(t, p.do(t, http.MethodPut, path, `{}`, "Authorization", bearer), 400, "invalid_redirect_uri", "")
	if a := p.do(t, http.MethodPost, path, "", "Authorization", bearer); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d %s", a.status, a.body)
	}
	a = p.do(t, http.MethodDelete, path, "", "Authorization", bearer)
	if a.status != http.StatusNoContent || p.reaches(t, login) {
		t.Errorf("DELETE: %d %s, or its tokens still work", a.status, a.body)
	}
	wantRefusal(t, p.do(t, http.MethodGet, path, "", "Authorization", bearer), 401, "invalid_token", "")
}

// Nothing but the client's own registration access token opens it.
func TestClientConfigurationIsGuarded(t *testing.T) {
	p := start(t, legacy.Config{})
	c, other := p.register(t), p.register(t)
	for _, authorization := range []string{"", "Bearer", "Bearer " + c.Secret, "Bearer " + other.RegistrationToken, "Basic " + c.RegistrationToken} {
		a := p.do(t, http.MethodGet, "/oauth2/clients/"+c.ID, "", "Authorization", authorization)
		wantRefusal(t, a, 401, "invalid_token", "")
	}
	wantRefusal(t, p.do(t, http.MethodDelete, "/oauth2/clients", "", "Authorization", "Bearer "), 401, "invalid_token", "")
}

// A configured client logs in like a registered one, whatever its id and
// secret look like, and nobody can manage it.
func TestConfiguredClient(t *testing.T) {
	c := client{ID: "a b", Secret: "p:w%+d/é"}
	p := start(t, legacy.Config{Clients: []legacy.Client{{ID: c.ID, Secret: c.Secret, RedirectURIs: []string{redirectURI}}}})
	if a := p.login(t, c); a.status != http.StatusOK {
		t.Errorf("login: %d %s", a.status, a.body)
	}
	for _, token := range []string{"Bearer ", "Bearer " + c.Secret} {
		a := p.do(t, http.MethodGet, "/oauth2/clients/a%20b", "", "Authorization", token)
		if a.status != http.StatusUnauthorized {
			t.Errorf("configuration endpoint: %d %s", a.status, a.body)
		}
	}
}
