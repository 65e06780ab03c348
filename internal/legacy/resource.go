package legacy

import (
	"net/http"
	"strings"
	"time"
)

// serveResource lets requests with a valid access token through to the
// protected resource, and tells the others where to learn how to get one (RFC
// 9728 section 5.1). This is the one challenge of the provider: it concerns
// the user, not the client.
func (p *Provider) serveResource(w http.ResponseWriter, r *http.Request) {
	if !p.admits(r) {
		w.Header().Set("WWW-Authenticate",
			`Bearer resource_metadata="`+p.config.PublicURL+resourceMetadataPath+resourcePath+`"`)
		writeMessage(w, http.StatusUnauthorized, "An access token is needed.")
		return
	}
	p.config.Resource.ServeHTTP(w, r)
}

// greet is the protected resource where none is configured.
func greet(w http.ResponseWriter, _ *http.Request) {
	writeMessage(w, http.StatusOK, "The access token is valid.")
}

// admits reports whether the request shows a valid access token.
func (p *Provider) admits(r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.access[bearer(r)]
	return c != nil && time.Now().Before(c.tokens.accessExpiry)
}

// bearer returns the token in the Authorization header field (RFC 6750 section
// 2.1), or nothing.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
