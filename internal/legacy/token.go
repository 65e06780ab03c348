package legacy

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"
)

// tokenResponse is a successful answer of the token endpoint (RFC 6749 section
// 5.1). expiry is the original's own: expires_in as a point in time.
type tokenResponse struct {
	AccessToken  string    `json:"access_token"`
	TokenType    string    `json:"token_type"`
	ExpiresIn    int64     `json:"expires_in"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
}

// serveToken answers at the token endpoint. Who the client is comes from the
// parameters alone: the Authorization header field is never read here.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		response, refused := p.grant(w, r)
		if refused != nil {
			writeRefusal(w, refused)
			return
		}
		writeJSON(w, http.StatusOK, response)
	case http.MethodDelete:
		p.serveTokenDeletion(w, r)
	default:
		writeMethodNotAllowed(w, "DELETE, POST")
	}
}

// grant judges a token request: first the client, then the parameters, then
// what the grant presents.
func (p *Provider) grant(w http.ResponseWriter, r *http.Request) (*tokenResponse, *refusal) {
	clientID, form, err := p.readParameters(w, r)
	if clientID == "" {
		return nil, noClientID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[clientID]
	if c == nil {
		return nil, invalidClient
	}
	if err != nil {
		return nil, malformed
	}
	if refused := checkTokenParameters(form); refused != nil {
		return nil, refused
	}
	if uri := form.Get("redirect_uri"); uri != "" && !c.mayRedirectTo(uri) {
		return nil, malformed
	}
	now := time.Now()
	if form.Get("grant_type") == "refresh_token" {
		return p.refresh(c, form, now)
	}
	return p.exchange(c, form, now)
}

// exchange trades an authorization code for tokens (RFC 6749 section 4.1.3).
// A failed attempt does not use the code up.
func (p *Provider) exchange(c *client, form url.Values, now time.Time) (*tokenResponse, *refusal) {
	if !same(form.Get("client_secret"), c.secret) {
		return nil, invalidClient
	}
	a := c.authorization
	if a == nil || !same(form.Get("code"), a.code) || !now.Before(a.expiry) {
		return nil, badCode
	}
	if uri := form.Get("redirect_uri"); uri != "" && uri != a.redirectURI {
		return nil, malformed
	}
	if !a.verifiedBy(form.Get("code_verifier")) {
		return nil, badVerifier
	}
	if form.Get("resource") != a.resource {
		return nil, badResource
	}
	c.authorization = nil
	return p.issue(c, a.resource, now), nil
}

// refresh trades a refresh token for new tokens (RFC 6749 section 6). The
// client's secret is not looked at, as in the original.
func (p *Provider) refresh(c *client, form url.Values, now time.Time) (*tokenResponse, *refusal) {
	t := c.tokens
	if t == nil || !same(form.Get("refresh_token"), t.refresh) || !now.Before(t.refreshExpiry) {
		return nil, badRefreshToken
	}
	if resource := form.Get("resource"); resource != "" && resource != t.resource {
		return nil, badResource
	}
	return p.issue(c, t.resource, now), nil
}

// issue gives the client new tokens in place of those it has: the original
// keeps one pair for each client and user, and that bounds the memory too.
func (p *Provider) issue(c *client, resource string, now time.Time) *tokenResponse {
	p.revoke(c)
	c.tokens = &tokens{
		access:        newAccessToken(),
		accessExpiry:  now.Add(p.config.TokenLifetime),
		refresh:       newSecret(),
		refreshExpiry: now.Add(refreshTokenLifetime),
		resource:      resource,
	}
	p.access[c.tokens.access] = c
	return &tokenResponse{
		AccessToken:  c.tokens.access,
		TokenType:    "Bearer",
		ExpiresIn:    int64(p.config.TokenLifetime.Seconds()),
		RefreshToken: c.tokens.refresh,
		Expiry:       c.tokens.accessExpiry.UTC(),
	}
}

// verifiedBy reports whether the verifier is the one that the authorization
// was asked with (RFC 7636 section 4.6). A verifier without a challenge is
// refused as well, or a stripped challenge would go unnoticed (RFC 9700
// section 4.8.2).
func (a *authorization) verifiedBy(verifier string) bool {
	if a.challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return same(base64.RawURLEncoding.EncodeToString(sum[:]), a.challenge)
}
