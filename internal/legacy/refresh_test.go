package legacy_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/legacy"
)

func refreshing(c client, token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {c.ID}, "refresh_token": {token}}
}

// A refresh needs no secret, does not check one, and ends the old tokens.
func TestRefreshRotates(t *testing.T) {
	p := start(t, legacy.Config{})
	c := p.register(t)
	first := p.login(t, c)
	form := refreshing(c, first.text("refresh_token"))
	form.Set("client_secret", "wrong")
	second := p.post(t, "/oauth2/tokens", form)
	if second.status != http.StatusOK || second.text("refresh_token") == first.text("refresh_token") {
		t.Fatalf("got %d %s", second.status, second.body)
	}
	wantBareHeader(t, second)
	wantRefusal(t, p.post(t, "/oauth2/tokens", form), 400, "invalid_grant", "The refresh token is invalid or expired")
	if p.reaches(t, first) || !p.reaches(t, second) {
		t.Errorf("the first access token still works, or the second does not")
	}
}

// The refusals of a refresh.
func TestRefusedRefreshes(t *testing.T) {
	tests := map[string]struct {
		changes           url.Values
		status            int
		code, description string
	}{
		"client_id missing":      {url.Values{"client_id": nil}, 400, "invalid_request", missingClientID},
		"client_id unknown":      {url.Values{"client_id": {"me"}}, 401, "invalid_client", "The client credentials are invalid"},
		"refresh_token missing":  {url.Values{"refresh_token": nil}, 400, "invalid_request", ""},
		"refresh_token unknown":  {url.Values{"refresh_token": {"x"}}, 400, "invalid_grant", ""},
		"refresh_token repeated": {url.Values{"refresh_token": {"x", "x"}}, 400, "invalid_request", ""},
		"unknown parameter":      {url.Values{"audience": {"x"}}, 400, "invalid_request", ""},
		"bad redirect_uri":       {url.Values{"redirect_uri": {"https://elsewhere.example/"}}, 400, "invalid_request", ""},
		"resource not asked for": {url.Values{"resource": {publicURL + "/mcp"}}, 400, "invalid_target", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, legacy.Config{})
			c := p.register(t)
			form := changed(refreshing(c, p.login(t, c).text("refresh_token")), test.changes)
			wantRefusal(t, p.post(t, "/oauth2/tokens", form), test.status, test.code, test.description)
		})
	}
}

// A refresh token is of no use to another client (RFC 6749 section 6).
func TestRefreshTokenIsBoundToItsClient(t *testing.T) {
	p := start(t, legacy.Config{})
	token := p.login(t, p.register(t)).text("refresh_token")
	wantRefusal(t, p.post(t, "/oauth2/tokens", refreshing(p.register(t), token)), 400, "invalid_grant", "")
}

// Codes, access tokens and refresh tokens end at their time.
func TestExpiry(t *testing.T) {
	tests := map[string]struct {
		wait                      time.Duration
		exchanged, reached, fresh bool
	}{
		"at once":              {0, true, true, true},
		"just before the code": {10*time.Minute - time.Second, true, true, true},
		"after the code":       {10 * time.Minute, false, true, true},
		"after the access":     {time.Hour, false, false, true},
		"after the refresh":    {30 * 24 * time.Hour, false, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := legacy.New(legacy.Config{TokenLifetime: time.Hour})
				old, waiting := offlineClient(t, p), offlineClient(t, p)
				tokens := offline(p, http.MethodPost, "/oauth2/tokens", offlineExchange(p, old), "")
				exchange := offlineExchange(p, waiting)
				time.Sleep(test.wait)
				if a := offline(p, http.MethodGet, "/mcp", nil, tokens.text("access_token")); (a.status == 200) != test.reached {
					t.Errorf("resource: %d %s", a.status, a.body)
				}
				if a := offline(p, http.MethodPost, "/oauth2/tokens", exchange, ""); (a.status == 200) != test.exchanged {
					t.Errorf("exchange: %d %s", a.status, a.body)
				}
				refresh := refreshing(old, tokens.text("refresh_token"))
				if a := offline(p, http.MethodPost, "/oauth2/tokens", refresh, ""); (a.status == 200) != test.fresh {
					t.Errorf("refresh: %d %s", a.status, a.body)
				}
			})
		})
	}
}

// offline serves a request without a network, which would keep the clock of a
// synctest bubble from advancing.
func offline(p *legacy.Provider, method, target string, form url.Values, bearer string) answer {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &a.member) // a page has no members
	return a
}

func offlineClient(t *testing.T, p *legacy.Provider) client {
	t.Helper()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/oauth2/register",
		strings.NewReader(`{"redirect_uris":["`+redirectURI+`"]}`)))
	var c client
	if err := json.Unmarshal(w.Body.Bytes(), &c); err != nil || c.ID == "" {
		t.Fatalf("registration: %d %s", w.Code, w.Body)
	}
	return c
}

func offlineExchange(p *legacy.Provider, c client) url.Values {
	a := offline(p, http.MethodPost, "/oauth2/authorize", authorization(c, nil), "")
	location, _ := url.Parse(a.header.Get("Location"))
	return url.Values{
		"grant_type":    {"authorization_code"},
		"client_id":     {c.ID},
		"client_secret": {c.Secret},
		"code":          {location.Query().Get("code")},
		"code_verifier": {verifier},
	}
}
