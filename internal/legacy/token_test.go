package legacy_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/legacy"
)

// A code is exchanged, and the answer is that of the original.
func TestExchange(t *testing.T) {
	p := start(t, legacy.Config{})
	a := p.login(t, p.register(t))
	if a.text("token_type") != "Bearer" || a.member["expires_in"] != 86400.0 || len(a.member) != 5 {
		t.Errorf("unexpected members: %s", a.body)
	}
	if !regexp.MustCompile(`^[0-9A-Za-z]{10}-[0-9A-Za-z]{22}$`).MatchString(a.text("access_token")) {
		t.Errorf("access_token has another shape")
	}
	if !regexp.MustCompile(`^coder_[0-9A-Za-z]{10}_[0-9A-Za-z]{40}$`).MatchString(a.text("refresh_token")) {
		t.Errorf("refresh_token has another shape")
	}
	expiry, err := time.Parse(time.RFC3339Nano, a.text("expiry"))
	if err != nil || time.Until(expiry).Round(time.Minute) != 24*time.Hour {
		t.Errorf("expiry is %q (%v)", a.text("expiry"), err)
	}
	wantBareHeader(t, a)
}

// Every way of writing a token request that the original accepts.
func TestAcceptedTokenRequests(t *testing.T) {
	type request struct{ target, query, body string }
	tests := map[string]func(form url.Values) request{
		"parameters in the query": func(form url.Values) request {
			return request{"/oauth2/tokens", form.Encode(), ""}
		},
		"parameters in both places": func(form url.Values) request {
			query := url.Values{"client_id": form["client_id"], "code": form["code"]}
			return request{"/oauth2/tokens", query.Encode(), changed(form, url.Values{"client_id": nil, "code": nil}).Encode()}
		},
		"trailing slash": func(form url.Values) request {
			return request{"/oauth2/tokens/", "", form.Encode()}
		},
		"doubled slashes": func(form url.Values) request {
			return request{"//oauth2///tokens//", "", form.Encode()}
		},
		"no redirect_uri": func(form url.Values) request {
			return request{"/oauth2/tokens", "", changed(form, url.Values{"redirect_uri": nil}).Encode()}
		},
		"scope": func(form url.Values) request {
			return request{"/oauth2/tokens", "", changed(form, url.Values{"scope": {"all"}}).Encode()}
		},
	}
	for name, write := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, legacy.Config{})
			r := write(p.exchange(t, p.register(t), nil))
			a := p.do(t, http.MethodPost, r.target+"?"+r.query, r.body, "Content-Type", "application/x-www-form-urlencoded")
			if a.status != http.StatusOK {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
}

// The Authorization header field counts neither for nor against the client.
func TestAuthorizationIsNotRead(t *testing.T) {
	p := start(t, legacy.Config{})
	form := p.exchange(t, p.register(t), nil)
	a := p.do(t, http.MethodPost, "/oauth2/tokens", form.Encode(),
		"Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic bm90Om1l")
	if a.status != http.StatusOK {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// A code works once; a failed attempt does not use it up.
func TestCodeIsForOneUse(t *testing.T) {
	p := start(t, legacy.Config{})
	form := p.exchange(t, p.register(t), url.Values{"code_verifier": {challenge}})
	wantRefusal(t, p.post(t, "/oauth2/tokens", form), 400, "invalid_grant", "The PKCE code verifier is invalid")
	form.Set("code_verifier", verifier)
	if a := p.post(t, "/oauth2/tokens", form); a.status != http.StatusOK {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	wantRefusal(t, p.post(t, "/oauth2/tokens", form), 400, "invalid_grant", "The authorization code is invalid or expired")
}

// A newer code takes the place of one that was not redeemed, and newer tokens
// take the place of the older.
func TestClientHoldsOneOfEach(t *testing.T) {
	p := start(t, legacy.Config{})
	c := p.register(t)
	older, newer := p.exchange(t, c, nil), p.exchange(t, c, nil)
	wantRefusal(t, p.post(t, "/oauth2/tokens", older), 400, "invalid_grant", "The authorization code is invalid or expired")
	first := p.post(t, "/oauth2/tokens", newer)
	second := p.login(t, c)
	if p.reaches(t, first) || !p.reaches(t, second) {
		t.Errorf("the first access token still works, or the second does not")
	}
}

// Without a challenge no verifier is wanted, and none is let pass unchecked.
func TestVerifierNeedsAChallenge(t *testing.T) {
	p := start(t, legacy.Config{})
	c := p.register(t)
	form := p.exchange(t, c, nil)
	without := url.Values{"code_challenge": nil, "code_challenge_method": nil}
	form.Set("code", p.consent(t, c, without).Query().Get("code"))
	wantRefusal(t, p.post(t, "/oauth2/tokens", form), 400, "invalid_grant", "The PKCE code verifier is invalid")
	form.Del("code_verifier")
	if a := p.post(t, "/oauth2/tokens", form); a.status != http.StatusOK {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// The redirect URI must be the one that the code was sent to (RFC 6749 section
// 4.1.3), not merely one of the client's.
func TestRedirectURIIsCompared(t *testing.T) {
	const second = "https://b.example/"
	p := start(t, legacy.Config{})
	form := p.exchange(t, p.register(t, redirectURI, second), url.Values{"redirect_uri": {second}})
	wantRefusal(t, p.post(t, "/oauth2/tokens", form), 400, "invalid_request", "")
	form.Set("redirect_uri", redirectURI)
	if a := p.post(t, "/oauth2/tokens", form); a.status != http.StatusOK {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

// The resource that the user agreed to is the one that must be named again.
func TestResourceIsCompared(t *testing.T) {
	resource := publicURL + "/mcp"
	tests := map[string]struct {
		sent   []string
		status int
	}{
		"same":    {[]string{resource}, http.StatusOK},
		"other":   {[]string{resource + "/other"}, http.StatusBadRequest},
		"missing": {nil, http.StatusBadRequest},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, legacy.Config{})
			c := p.register(t)
			form := p.exchange(t, c, url.Values{"resource": test.sent})
			form.Set("code", p.consent(t, c, url.Values{"resource": {resource}}).Query().Get("code"))
			a := p.post(t, "/oauth2/tokens", form)
			if a.status != test.status {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			if a.status != http.StatusOK {
				wantRefusal(t, a, 400, "invalid_target", "")
				return
			}
			refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {c.ID}, "refresh_token": {a.text("refresh_token")}}
			refresh.Set("resource", resource+"/other")
			wantRefusal(t, p.post(t, "/oauth2/tokens", refresh), 400, "invalid_target", "")
			refresh.Set("resource", resource)
			if a := p.post(t, "/oauth2/tokens", refresh); a.status != http.StatusOK {
				t.Errorf("refresh: %d %s", a.status, a.body)
			}
		})
	}
}

// A method that the token endpoint does not have is told so.
func TestTokenEndpointMethods(t *testing.T) {
	p := start(t, legacy.Config{})
	for _, path := range []string{"/oauth2/tokens", "/oauth2/revoke", "/oauth2/register"} {
		a := p.do(t, http.MethodGet, path, "")
		if a.status != http.StatusMethodNotAllowed || !strings.Contains(a.header.Get("Allow"), "POST") {
			t.Errorf("%s: got %d, Allow %q", path, a.status, a.header.Get("Allow"))
		}
	}
}
