package legacy_test

import (
	"net/http"
	"net/url"
	"testing"

	"oauthgw/internal/legacy"
)

// reaches reports whether the access token in the answer opens the resource.
func (p *provider) reaches(t *testing.T, a answer) bool {
	t.Helper()
	return p.do(t, http.MethodGet, "/mcp", "", "Authorization", "Bearer "+a.text("access_token")).status == http.StatusOK
}

// Revocation needs a client_id, does not check the secret, and leaves what is
// not the client's own.
func TestRevocation(t *testing.T) {
	tests := map[string]struct {
		token   string // a member of the token response, or the token itself
		changes url.Values
		revoked bool
	}{
		"access token":           {"access_token", nil, true},
		"refresh token":          {"refresh_token", nil, true},
		"wrong secret":           {"refresh_token", url.Values{"client_secret": {"wrong"}}, true},
		"unknown parameter":      {"refresh_token", url.Values{"foo": {"bar"}}, true},
		"unknown token":          {"coder_x", nil, false},
		"another client's token": {"refresh_token", url.Values{"client_id": {"other"}}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, legacy.Config{})
			c, other := p.register(t), p.register(t)
			login := p.login(t, c)
			token := login.text(test.token)
			if token == "" {
				token = test.token
			}
			form := changed(url.Values{"client_id": {c.ID}, "token": {token}}, test.changes)
			if form.Get("client_id") == "other" {
				form.Set("client_id", other.ID)
			}
			if a := p.post(t, "/oauth2/revoke", form); a.status != http.StatusOK || a.body != "" {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			if p.reaches(t, login) == test.revoked {
				t.Errorf("the access token was left or taken wrongly")
			}
			refresh := p.post(t, "/oauth2/tokens", refreshing(c, login.text("refresh_token")))
			if (refresh.status == http.StatusOK) == test.revoked {
				t.Errorf("the refresh token was left or taken wrongly: %d %s", refresh.status, refresh.body)
			}
		})
	}
}

// The refusals of revocation.
func TestRefusedRevocations(t *testing.T) {
	p := start(t, legacy.Config{})
	c := p.register(t)
	wantRefusal(t, p.post(t, "/oauth2/revoke", url.Values{"token": {"x"}}), 400, "invalid_request", missingClientID)
	wantRefusal(t, p.post(t, "/oauth2/revoke", url.Values{"client_id": {c.ID}}), 400, "invalid_request", "Missing token parameter")
	wantRefusal(t, p.post(t, "/oauth2/revoke", url.Values{"client_id": {"me"}, "token": {"x"}}), 401, "invalid_client", "")
	a := p.do(t, http.MethodPost, "/oauth2/revoke?client_id="+c.ID, "token=%zz", "Content-Type", "application/x-www-form-urlencoded")
	wantRefusal(t, a, 400, "invalid_request", "")
}

// DELETE at the token path drops a client's tokens, for a user with a session.
func TestTokenDeletion(t *testing.T) {
	p := start(t, legacy.Config{})
	c, other := p.register(t), p.register(t)
	login, session := p.login(t, c), p.login(t, other)
	target := "/oauth2/tokens?client_id=" + c.ID
	bearer := "Bearer " + session.text("access_token")
	if a := p.do(t, http.MethodDelete, target, ""); a.status != http.StatusUnauthorized || a.text("message") == "" {
		t.Errorf("without a session: %d %s", a.status, a.body)
	}
	wantRefusal(t, p.do(t, http.MethodDelete, "/oauth2/tokens", "", "Authorization", bearer), 400, "invalid_request", missingClientID)
	wantRefusal(t, p.do(t, http.MethodDelete, "/oauth2/tokens?client_id=me", "", "Authorization", bearer), 401, "invalid_client", "")
	if !p.reaches(t, login) {
		t.Fatalf("the tokens are gone before they were dropped")
	}
	if a := p.do(t, http.MethodDelete, target, "", "Authorization", bearer); a.status != http.StatusNoContent {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if p.reaches(t, login) || !p.reaches(t, session) {
		t.Errorf("the tokens are still there, or the other client's are gone too")
	}
}
