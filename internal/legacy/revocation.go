package legacy

import "net/http"

// serveRevocation answers at the revocation endpoint (RFC 7009). It needs a
// client_id and does not look at the secret. Unlike the token endpoint it lets
// unknown and repeated parameters pass, as the original did.
func (p *Provider) serveRevocation(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		writeMethodNotAllowed(w, "POST")
		return
	}
	if refused := p.revokeToken(w, r); refused != nil {
		writeRefusal(w, refused)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// revokeToken judges a revocation request and carries it out. A token that is
// unknown or another client's is no error (RFC 7009 section 2.2), so that
// nothing is learnt of it. Either token of a pair takes the other along.
func (p *Provider) revokeToken(w http.ResponseWriter, r *http.Request) *refusal {
	clientID, form, err := p.readParameters(w, r)
	if clientID == "" {
		return noClientID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[clientID]
	if c == nil {
		return invalidClient
	}
	if err != nil {
		return malformed
	}
	token := form.Get("token")
	if token == "" {
		return noToken
	}
	if c.tokens != nil && (same(token, c.tokens.access) || same(token, c.tokens.refresh)) {
		p.revoke(c)
	}
	return nil
}

// serveTokenDeletion drops the tokens of the client that client_id in the
// query names, on behalf of the user. The user shows a session by Bearer, and
// any valid access token is one.
func (p *Provider) serveTokenDeletion(w http.ResponseWriter, r *http.Request) {
	if !p.admits(r) {
		writeMessage(w, http.StatusUnauthorized, "You are signed out or your session has expired. Please sign in again to continue.")
		return
	}
	if refused := p.deleteTokens(r.URL.Query().Get("client_id")); refused != nil {
		writeRefusal(w, refused)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// deleteTokens drops the tokens of a client.
func (p *Provider) deleteTokens(clientID string) *refusal {
	if clientID == "" {
		return noClientID
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[clientID]
	if c == nil {
		return invalidClient
	}
	p.revoke(c)
	return nil
}

// revoke drops the client's tokens, if it has any. The caller holds p.mu.
func (p *Provider) revoke(c *client) {
	if c.tokens != nil {
		delete(p.access, c.tokens.access)
		c.tokens = nil
	}
}
