package legacy

import "net/http"

// serverMetadata is the authorization server's metadata (RFC 8414 section 2).
// It says client_secret_post and means it, and says nothing of the methods at
// revocation, which by the standard means client_secret_basic.
type serverMetadata struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	TokenEndpoint            string   `json:"token_endpoint"`
	RegistrationEndpoint     string   `json:"registration_endpoint"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	ResponseTypes            []string `json:"response_types_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	CodeChallengeMethods     []string `json:"code_challenge_methods_supported"`
	Scopes                   []string `json:"scopes_supported"`
	TokenEndpointAuthMethods []string `json:"token_endpoint_auth_methods_supported"`
}

// resourceMetadata is the protected resource's metadata (RFC 9728 section 2).
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported"`
	BearerMethods        []string `json:"bearer_methods_supported"`
}

// serveServerMetadata answers with the same document below the well-known path
// as at it, whatever issuer the suffix asks for (RFC 8414 section 3.1).
func (p *Provider) serveServerMetadata(w http.ResponseWriter, r *http.Request) {
	origin := p.config.PublicURL
	serveDocument(w, r, serverMetadata{
		Issuer:                   origin,
		AuthorizationEndpoint:    origin + authorizationPath,
		TokenEndpoint:            origin + tokenPath,
		RegistrationEndpoint:     origin + registrationPath,
		RevocationEndpoint:       origin + revocationPath,
		ResponseTypes:            []string{"code"},
		GrantTypes:               []string{"authorization_code", "refresh_token"},
		CodeChallengeMethods:     []string{"S256"},
		Scopes:                   []string{"all", "application_connect"},
		TokenEndpointAuthMethods: []string{"client_secret_post"},
	})
}

// serveResourceMetadata answers with the same document below the well-known
// path as at it.
func (p *Provider) serveResourceMetadata(w http.ResponseWriter, r *http.Request) {
	serveDocument(w, r, resourceMetadata{
		Resource:             p.config.PublicURL + resourcePath,
		AuthorizationServers: []string{p.config.PublicURL},
		Scopes:               []string{"all", "application_connect"},
		BearerMethods:        []string{"header"},
	})
}

// serveDocument answers a GET with a document, without any cache headers.
func serveDocument(w http.ResponseWriter, r *http.Request, document any) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeMethodNotAllowed(w, "GET, HEAD")
		return
	}
	writeJSON(w, http.StatusOK, document)
}
