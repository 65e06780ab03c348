package legacy

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"
)

// tokenResponse is a response of the token endpoint (RFC 6749 section 5.1). The original adds
// expiry, the point in time of expires_in.
type tokenResponse struct {
	AccessToken  string    `json:"access_token"`
	TokenType    string    `json:"token_type"`
	ExpiresIn    int64     `json:"expires_in"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
}

// serveToken serves the token endpoint. It never reads the Authorization header field.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		writeMethodNotAllowed(w, "POST")
		return
	}
	response, err := p.grant(w, r)
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, response)
}

// grant checks the client, then the parameters, then the code or refresh token.
func (p *Provider) grant(w http.ResponseWriter, r *http.Request) (*tokenResponse, *oauthError) {
	clientID, form, err := p.readParameters(w, r)
	p.mu.Lock()
	defer p.mu.Unlock()
	c, oauthErr := p.identify(clientID, err)
	if oauthErr != nil {
		return nil, oauthErr
	}
	if err := checkTokenParameters(form); err != nil {
		return nil, err
	}
	if uri := form.Get("redirect_uri"); uri != "" && !c.mayRedirectTo(uri) {
		return nil, errMalformed
	}
	now := time.Now()
	if form.Get("grant_type") == "refresh_token" {
		return p.refresh(c, form, now)
	}
	return p.exchange(c, form, now)
}

// identify returns the client of a request that was read with err. The caller holds p.mu.
func (p *Provider) identify(clientID string, err error) (*client, *oauthError) {
	c := p.clients[clientID]
	switch {
	case clientID == "":
		return nil, errNoClientID
	case c == nil:
		return nil, errInvalidClient
	case err != nil:
		return nil, errMalformed
	}
	return c, nil
}

// exchange redeems an authorization code (RFC 6749 section 4.1.3). A failed attempt does not
// use it up.
func (p *Provider) exchange(c *client, form url.Values, now time.Time) (*tokenResponse, *oauthError) {
	a := c.authorization
	switch {
	case !equalSecret(form.Get("client_secret"), c.secret):
		return nil, errInvalidClient
	case a == nil || !equalSecret(form.Get("code"), a.code) || !now.Before(a.expiry):
		return nil, errInvalidCode
	case form.Get("redirect_uri") != "" && form.Get("redirect_uri") != a.redirectURI:
		return nil, errMalformed
	case !a.verifiedBy(form.Get("code_verifier")):
		return nil, errVerifier
	case form.Get("resource") != a.resource:
		return nil, errResource
	}
	c.authorization = nil
	return p.issue(c, a.resource, now), nil
}

// refresh redeems a refresh token (RFC 6749 section 6). As in the original, the client's
// secret is not checked.
func (p *Provider) refresh(c *client, form url.Values, now time.Time) (*tokenResponse, *oauthError) {
	t := c.tokens
	if t == nil || !equalSecret(form.Get("refresh_token"), t.refresh) || !now.Before(t.refreshExpiry) {
		return nil, errRefreshToken
	}
	if resource := form.Get("resource"); resource != "" && resource != t.resource {
		return nil, errResource
	}
	return p.issue(c, t.resource, now), nil
}

// issue gives the client new tokens and revokes the old ones: the original keeps one pair for
// each client and user.
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

// verifiedBy checks the code verifier (RFC 7636 section 4.6). A verifier without a challenge
// is an error too, because the challenge may have been stripped (RFC 9700 section 4.8.2).
func (a *authorization) verifiedBy(verifier string) bool {
	if a.challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return equalSecret(base64.RawURLEncoding.EncodeToString(sum[:]), a.challenge)
}

// serveRevocation serves the revocation endpoint (RFC 7009). As in the original, it needs a
// client_id, does not check the secret, and accepts unknown and repeated parameters.
func (p *Provider) serveRevocation(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		writeMethodNotAllowed(w, "POST")
		return
	}
	if err := p.revokeToken(w, r); err != nil {
		writeError(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// revokeToken revokes a token and the other one of its pair. A token that is unknown or
// another client's is not an error (RFC 7009 section 2.2).
func (p *Provider) revokeToken(w http.ResponseWriter, r *http.Request) *oauthError {
	clientID, form, err := p.readParameters(w, r)
	p.mu.Lock()
	defer p.mu.Unlock()
	c, oauthErr := p.identify(clientID, err)
	if oauthErr != nil {
		return oauthErr
	}
	token := form.Get("token")
	if token == "" {
		return errNoToken
	}
	if c.tokens != nil && (equalSecret(token, c.tokens.access) || equalSecret(token, c.tokens.refresh)) {
		p.revoke(c)
	}
	return nil
}

// revoke revokes the client's tokens, if it has any. The caller holds p.mu.
func (p *Provider) revoke(c *client) {
	if c.tokens != nil {
		delete(p.access, c.tokens.access)
		c.tokens = nil
	}
}
