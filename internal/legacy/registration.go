package legacy

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// maxClientMetadata is the maximum size of a registration in bytes.
	maxClientMetadata = 64 << 10
	// maxClients bounds memory use, because anyone can register clients.
	maxClients = 1000
)

// clientMetadata is the metadata of a client (RFC 7591 section 2) that the provider keeps.
type clientMetadata struct {
	RedirectURIs            []string `json:"redirect_uris"`
	ClientName              string   `json:"client_name,omitempty"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	GrantTypes              []string `json:"grant_types"`
	ResponseTypes           []string `json:"response_types"`
	Scope                   string   `json:"scope,omitempty"`
}

// clientInformation is a response of the registration and the client configuration endpoint
// (RFC 7591 section 3.2.1, RFC 7592 section 3). As in the provider that this package imitates,
// client_secret_expires_at is missing. ClientSecret and RegistrationAccessToken are set only in
// the registration response.
type clientInformation struct {
	ClientID                string `json:"client_id"`
	ClientSecret            string `json:"client_secret,omitempty"`
	ClientIDIssuedAt        int64  `json:"client_id_issued_at"`
	RegistrationAccessToken string `json:"registration_access_token,omitempty"`
	RegistrationClientURI   string `json:"registration_client_uri"`
	clientMetadata
}

// readClientMetadata reads client metadata and adds the defaults of RFC 7591 section 2.
func readClientMetadata(w http.ResponseWriter, r *http.Request) (clientMetadata, *oauthError) {
	var m clientMetadata
	body := http.MaxBytesReader(w, r.Body, maxClientMetadata)
	if err := json.NewDecoder(body).Decode(&m); err != nil {
		return m, errClientMetadata
	}
	if len(m.RedirectURIs) == 0 || slices.ContainsFunc(m.RedirectURIs, isInvalidRedirectURI) {
		return m, errRedirectURI
	}
	switch m.TokenEndpointAuthMethod {
	case "":
		m.TokenEndpointAuthMethod = "client_secret_basic" // the default of RFC 7591, although this provider does not support it
	case "client_secret_basic", "client_secret_post", "none":
	default:
		return m, errClientMetadata
	}
	if m.GrantTypes == nil {
		m.GrantTypes = []string{"authorization_code"}
	}
	if m.ResponseTypes == nil {
		m.ResponseTypes = []string{"code"}
	}
	return m, nil
}

// isInvalidRedirectURI reports whether a redirect URI is relative or has a fragment (RFC 6749
// section 3.1.2), or is opaque, such as a javascript: URI.
func isInvalidRedirectURI(uri string) bool {
	u, err := url.Parse(uri)
	return err != nil || u.Scheme == "" || u.Opaque != "" || strings.Contains(uri, "#")
}

// serveRegistration registers a client (RFC 7591 section 3). It issues a secret for every
// token_endpoint_auth_method, including "none".
func (p *Provider) serveRegistration(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		writeMethodNotAllowed(w, "POST")
		return
	}
	metadata, oauthErr := readClientMetadata(w, r)
	if oauthErr != nil {
		writeError(w, oauthErr)
		return
	}
	c := &client{id: newClientID(), secret: newSecret(), issuedAt: time.Now(), registrationToken: newSecret(), metadata: metadata}
	if !p.add(c) {
		writeError(w, errTooManyClients)
		return
	}
	information := p.information(c.id, c.issuedAt, metadata)
	information.ClientSecret = c.secret
	information.RegistrationAccessToken = c.registrationToken
	writeJSON(w, http.StatusCreated, information)
}

// add stores a client. It reports false if maxClients are registered.
func (p *Provider) add(c *client) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.clients) >= maxClients {
		return false
	}
	p.clients[c.id] = c
	return true
}

// serveClient serves the client configuration endpoint (RFC 7592 section 2).
func (p *Provider) serveClient(w http.ResponseWriter, r *http.Request, id string) {
	act := func(*client) {}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPut:
		metadata, oauthErr := readClientMetadata(w, r)
		if oauthErr != nil {
			writeError(w, oauthErr)
			return
		}
		act = func(c *client) { c.metadata = metadata }
	case http.MethodDelete:
		act = func(c *client) { p.revoke(c); delete(p.clients, c.id) }
	default:
		writeMethodNotAllowed(w, "DELETE, GET, PUT")
		return
	}
	information, oauthErr := p.manage(id, bearer(r), act)
	switch {
	case oauthErr != nil:
		writeError(w, oauthErr)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, information)
	}
}

// manage calls act with the client if the token is its registration access token, and then
// returns the client's information. An unknown client gets the same error as a wrong token
// (RFC 7592 section 2.1).
func (p *Provider) manage(id, token string, act func(*client)) (clientInformation, *oauthError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[id]
	if c == nil || !equalSecret(token, c.registrationToken) {
		return clientInformation{}, errRegistrationToken
	}
	act(c)
	return p.information(c.id, c.issuedAt, c.metadata), nil
}

// information returns a client's information without its secrets.
func (p *Provider) information(id string, issuedAt time.Time, metadata clientMetadata) clientInformation {
	return clientInformation{
		ClientID:              id,
		ClientIDIssuedAt:      issuedAt.Unix(),
		RegistrationClientURI: p.config.PublicURL + clientsPath + "/" + id,
		clientMetadata:        metadata,
	}
}
