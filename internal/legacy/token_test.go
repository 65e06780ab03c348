package legacy_test

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/legacy"
)

const missingClientID = "Missing client_id parameter"

// TestTokenResponse checks that a token response has the members and header fields of the original.
func TestTokenResponse(t *testing.T) {
	p := newProvider(legacy.Config{})
	r := p.login(t, p.register(t))
	if r.text("token_type") != "Bearer" || r.members["expires_in"] != 86400.0 || len(r.members) != 5 {
		t.Errorf("unexpected members: %s", r.body)
	}
	if !regexp.MustCompile(`^[0-9A-Z]{10}-[0-9A-Z]{22}$`).MatchString(r.text("access_token")) {
		t.Error("access_token has another form")
	}
	if !regexp.MustCompile(`^coder_[0-9A-Z]{10}_[0-9A-Z]{40}$`).MatchString(r.text("refresh_token")) {
		t.Error("refresh_token has another form")
	}
	expiry, err := time.Parse(time.RFC3339Nano, r.text("expiry"))
	if err != nil || time.Until(expiry).Round(time.Minute) != 24*time.Hour {
		t.Errorf("expiry is %q (%v)", r.text("expiry"), err)
	}
	wantBareHeader(t, r)
}

// TestAcceptedTokenRequests checks that parameters may be in the query, that extra slashes do
// not matter, and that Authorization is ignored.
func TestAcceptedTokenRequests(t *testing.T) {
	p := newProvider(legacy.Config{})
	c := p.register(t)
	for _, target := range []string{"/oauth2/tokens", "/oauth2/tokens/", "//oauth2///tokens//"} {
		r := p.do("POST", target, p.exchange(t, c, url.Values{"scope": {"all"}, "redirect_uri": nil}).Encode(), "Content-Type", formType, "Authorization", "Basic bm90Om1l")
		if r.status != 200 {
			t.Errorf("%s: got %d %s", target, r.status, r.body)
		}
		if r := p.do("POST", target+"?"+p.exchange(t, c, nil).Encode(), ""); r.status != 200 {
			t.Errorf("%s with a query: got %d %s", target, r.status, r.body)
		}
	}
}

func TestRejectedParameters(t *testing.T) {
	other := "coder_0123456789_0123456789012345678901234567890123456789"
	const invalid = "The client credentials are invalid"
	for name, test := range map[string]struct {
		changes           url.Values
		status            int
		code, description string
	}{
		"client_id missing":      {url.Values{"client_id": nil}, 400, "invalid_request", missingClientID},
		"client_id unknown":      {url.Values{"client_id": {"me"}}, 401, "invalid_client", invalid},
		"client_secret wrong":    {url.Values{"client_secret": {other}}, 401, "invalid_client", invalid},
		"grant_type unknown":     {url.Values{"grant_type": {"client_credentials"}}, 400, "unsupported_grant_type", ""},
		"code missing":           {url.Values{"code": nil}, 400, "invalid_request", "Missing required parameter: code"},
		"client_secret missing":  {url.Values{"client_secret": nil}, 400, "invalid_request", "Missing required parameter: client_secret"},
		"client_secret repeated": {url.Values{"client_secret": {other, other}}, 400, "invalid_request", ""},
		"redirect_uri differs":   {url.Values{"redirect_uri": {redirectURI + "/"}}, 400, "invalid_request", ""},
		"unknown parameter":      {url.Values{"foo": {"bar"}}, 400, "invalid_request", ""},
		"code unknown":           {url.Values{"code": {other}}, 400, "invalid_grant", ""},
		"code_verifier wrong":    {url.Values{"code_verifier": {challenge}}, 400, "invalid_grant", "The PKCE code verifier is invalid"},
		"resource is too long":   {url.Values{"resource": {publicURL + "/" + strings.Repeat("a", 2048)}}, 400, "invalid_request", ""},
	} {
		p := newProvider(legacy.Config{})
		c := p.register(t, redirectURI, "https://b.example/")
		form := p.exchange(t, c, test.changes)
		wantError(t, name, p.post("/oauth2/tokens", form), test.status, test.code, test.description)
	}
}

func TestRejectedBodies(t *testing.T) {
	for name, test := range map[string]struct {
		query, contentType, body string // with %ID and %FORM
		description              string
	}{
		"Basic only":                  {"", formType, "grant_type=authorization_code&code=x", missingClientID},
		"no media type":               {"", "", "%FORM", missingClientID},
		"invalid escape":              {"", formType, "%FORM&a=%zz", missingClientID},
		"too large":                   {"", formType, "%FORM&scope=" + strings.Repeat("a", 1<<20), missingClientID},
		"invalid escape, id in query": {"client_id=%ID", formType, "%FORM&a=%zz", ""},
		"redirect_uri in both":        {"redirect_uri=https%3A%2F%2Fclient.example%2Fcallback", formType, "%FORM", ""},
	} {
		p := newProvider(legacy.Config{})
		c := p.register(t)
		fill := strings.NewReplacer("%ID", c.ID, "%FORM", p.exchange(t, c, nil).Encode())
		r := p.do("POST", "/oauth2/tokens?"+fill.Replace(test.query), fill.Replace(test.body), "Content-Type", test.contentType, "Authorization", "Basic "+c.ID)
		wantError(t, name, r, 400, "invalid_request", test.description)
	}
}

// TestCodeWorksOnce checks that a code works once, that a newer one replaces it, and that a
// failed attempt does not use it up.
func TestCodeWorksOnce(t *testing.T) {
	p := newProvider(legacy.Config{})
	c := p.register(t)
	old := p.exchange(t, c, nil)
	form := p.exchange(t, c, url.Values{"code_verifier": {challenge}})
	wantError(t, "an old code", p.post("/oauth2/tokens", old), 400, "invalid_grant", "The authorization code is invalid or expired")
	wantError(t, "a wrong verifier", p.post("/oauth2/tokens", form), 400, "invalid_grant", "")
	form.Set("code_verifier", verifier)
	first := p.wantTokens(t, form)
	wantError(t, "a used code", p.post("/oauth2/tokens", form), 400, "invalid_grant", "The authorization code is invalid or expired")
	if second := p.login(t, c); p.accepts(first) || !p.accepts(second) {
		t.Error("the first access token still works, or the second does not")
	}
}

// TestRefresh checks that a refresh ignores the secret and revokes the old tokens.
func TestRefresh(t *testing.T) {
	p := newProvider(legacy.Config{})
	c, other := p.register(t), p.register(t)
	first := p.login(t, c)
	token := first.text("refresh_token")
	for name, test := range map[string]struct {
		changes url.Values
		status  int
		code    string
	}{
		"client_id missing":      {url.Values{"client_id": nil}, 400, "invalid_request"},
		"client_id unknown":      {url.Values{"client_id": {"me"}}, 401, "invalid_client"},
		"another client":         {url.Values{"client_id": {other.ID}}, 400, "invalid_grant"},
		"refresh_token missing":  {url.Values{"refresh_token": nil}, 400, "invalid_request"},
		"refresh_token unknown":  {url.Values{"refresh_token": {"x"}}, 400, "invalid_grant"},
		"unknown parameter":      {url.Values{"audience": {"x"}}, 400, "invalid_request"},
		"resource not requested": {url.Values{"resource": {publicURL + "/mcp"}}, 400, "invalid_target"},
	} {
		wantError(t, name, p.post("/oauth2/tokens", changed(refresh(c, token), test.changes)), test.status, test.code, "")
	}
	form := changed(refresh(c, token), url.Values{"client_secret": {"wrong"}})
	second := p.wantTokens(t, form)
	wantBareHeader(t, second)
	wantError(t, "an old token", p.post("/oauth2/tokens", form), 400, "invalid_grant", "The refresh token is invalid or expired")
	if p.accepts(first) || !p.accepts(second) {
		t.Error("the first access token still works, or the second does not")
	}
}

// TestRevocation checks that revocation needs a client_id, does not check the secret, and
// revokes the client's own tokens only.
func TestRevocation(t *testing.T) {
	for name, test := range map[string]struct {
		token   string // a member of the token response
		changes url.Values
		revoked bool
	}{
		"access token":           {"access_token", nil, true},
		"wrong secret":           {"refresh_token", url.Values{"client_secret": {"wrong"}}, true},
		"unknown token":          {"scope", nil, false},
		"another client's token": {"refresh_token", url.Values{"client_id": {"b"}}, false},
	} {
		p := newProvider(legacy.Config{Clients: []legacy.Client{{ID: "b"}}})
		c := p.register(t)
		tokens := p.login(t, c)
		r := p.post("/oauth2/revoke", changed(url.Values{"client_id": {c.ID}, "token": {cmp.Or(tokens.text(test.token), "unknown")}}, test.changes))
		if r.status != 200 || r.body != "" || p.accepts(tokens) == test.revoked {
			t.Errorf("%s: got %d %s, or the tokens are wrong", name, r.status, r.body)
		}
	}
	p := newProvider(legacy.Config{})
	wantError(t, "no client_id", p.post("/oauth2/revoke", url.Values{"token": {"x"}}), 400, "invalid_request", missingClientID)
	wantError(t, "unknown client", p.post("/oauth2/revoke", url.Values{"client_id": {"me"}, "token": {"x"}}), 401, "invalid_client", "")
}
