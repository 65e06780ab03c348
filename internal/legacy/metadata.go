package legacy

import (
	"net/http"
	"strings"
	"time"
)

// serverMetadata is the authorization server's metadata (RFC 8414 section 2). It says nothing
// of authentication at revocation, which by the standard means client_secret_basic.
type serverMetadata struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	TokenEndpoint            string   `json:"token_endpoint"`
	RegistrationEndpoint     string   `json:"registration_endpoint,omitempty"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	ResponseTypes            []string `json:"response_types_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	CodeChallengeMethods     []string `json:"code_challenge_methods_supported"`
	Scopes                   []string `json:"scopes_supported"`
	TokenEndpointAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
}

// serveServerMetadata serves the same document at the well-known path and below it.
func (p *Provider) serveServerMetadata(w http.ResponseWriter, r *http.Request) {
	origin := p.config.PublicURL
	registration := origin + registrationPath
	if p.config.NoRegistration {
		registration = ""
	}
	serveDocument(w, r, serverMetadata{
		Issuer:                   origin,
		AuthorizationEndpoint:    origin + authorizationPath,
		TokenEndpoint:            origin + tokenPath,
		RegistrationEndpoint:     registration,
		RevocationEndpoint:       origin + revocationPath,
		ResponseTypes:            []string{"code"},
		GrantTypes:               []string{"authorization_code", "refresh_token"},
		CodeChallengeMethods:     []string{"S256"},
		Scopes:                   []string{"all", "application_connect"},
		TokenEndpointAuthMethods: []string{"client_secret_post"},
	})
}

// serveResourceMetadata serves the protected resource's metadata (RFC 9728 section 2).
func (p *Provider) serveResourceMetadata(w http.ResponseWriter, r *http.Request) {
	serveDocument(w, r, map[string]any{
		"resource":                 p.config.PublicURL + resourcePath,
		"authorization_servers":    []string{p.config.PublicURL},
		"scopes_supported":         []string{"all", "application_connect"},
		"bearer_methods_supported": []string{"header"},
	})
}

// serveDocument serves a document without any cache headers.
func serveDocument(w http.ResponseWriter, r *http.Request, document any) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeMethodNotAllowed(w, "GET, HEAD")
		return
	}
	writeJSON(w, http.StatusOK, document)
}

// serveResource serves the protected resource to requests with a valid access token. Its
// challenge (RFC 9728 section 5.1) is the only one of the provider.
func (p *Provider) serveResource(w http.ResponseWriter, r *http.Request) {
	if !p.hasValidToken(r) {
		w.Header().Set("WWW-Authenticate",
			`Bearer resource_metadata="`+p.config.PublicURL+resourceMetadataPath+resourcePath+`"`)
		writeMessage(w, http.StatusUnauthorized, "An access token is needed.")
		return
	}
	p.config.Resource.ServeHTTP(w, r)
}

func (p *Provider) hasValidToken(r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.access[bearer(r)]
	return c != nil && time.Now().Before(c.tokens.accessExpiry)
}

// bearer returns the token in the Authorization header field (RFC 6750 section 2.1), or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
