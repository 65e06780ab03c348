package legacy

import (
	"net/http"
	"time"
)

// maxClients bounds the memory, because registration is open to everybody.
// Past it the answer is 503 temporarily_unavailable until a client is deleted.
const maxClients = 1000

// clientInformation is an answer of the registration and the client
// configuration endpoint (RFC 7591 section 3.2.1, RFC 7592 section 3).
// client_secret_expires_at is missing though a secret is there: the original
// left it out. The two secrets are told only once, at the registration.
type clientInformation struct {
	ClientID                string `json:"client_id"`
	ClientSecret            string `json:"client_secret,omitempty"`
	ClientIDIssuedAt        int64  `json:"client_id_issued_at"`
	RegistrationAccessToken string `json:"registration_access_token,omitempty"`
	RegistrationClientURI   string `json:"registration_client_uri"`
	clientMetadata
}

// serveRegistration registers a client (RFC 7591 section 3).
func (p *Provider) serveRegistration(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		writeMethodNotAllowed(w, "POST")
		return
	}
	metadata, refused := readClientMetadata(w, r)
	if refused != nil {
		writeRefusal(w, refused)
		return
	}
	// A secret is issued whatever the method, even for none.
	c := &client{
		id:                newClientID(),
		secret:            newSecret(),
		issuedAt:          time.Now(),
		registrationToken: newSecret(),
		metadata:          metadata,
	}
	if !p.add(c) {
		writeRefusal(w, manyClients)
		return
	}
	information := p.information(c.id, c.issuedAt, metadata)
	information.ClientSecret = c.secret
	information.RegistrationAccessToken = c.registrationToken
	writeJSON(w, http.StatusCreated, information)
}

// add keeps the client, if there is room.
func (p *Provider) add(c *client) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.clients) >= maxClients {
		return false
	}
	p.clients[c.id] = c
	return true
}

// serveClient answers at the client configuration endpoint (RFC 7592 section
// 2).
func (p *Provider) serveClient(w http.ResponseWriter, r *http.Request, id string) {
	act := func(*client) {}
	switch r.Method {
	case http.MethodGet:
	case http.MethodPut:
		metadata, refused := readClientMetadata(w, r)
		if refused != nil {
			writeRefusal(w, refused)
			return
		}
		act = func(c *client) { c.metadata = metadata }
	case http.MethodDelete:
		act = p.remove
	default:
		writeMethodNotAllowed(w, "DELETE, GET, PUT")
		return
	}
	information, refused := p.manage(id, bearer(r), act)
	switch {
	case refused != nil:
		writeRefusal(w, refused)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, information)
	}
}

// manage acts on a client for whoever holds its registration access token, and
// returns what it is afterwards. An unknown client is refused in the words of
// a wrong token (RFC 7592 section 2.1).
func (p *Provider) manage(id, token string, act func(*client)) (clientInformation, *refusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[id]
	if c == nil || !same(token, c.registrationToken) {
		return clientInformation{}, badRegistrationToken
	}
	act(c)
	return p.information(c.id, c.issuedAt, c.metadata), nil
}

// remove forgets the client and its tokens. The caller holds p.mu.
func (p *Provider) remove(c *client) {
	p.revoke(c)
	delete(p.clients, c.id)
}

// information returns the client's information without its secrets.
func (p *Provider) information(id string, issuedAt time.Time, metadata clientMetadata) clientInformation {
	return clientInformation{
		ClientID:              id,
		ClientIDIssuedAt:      issuedAt.Unix(),
		RegistrationClientURI: p.config.PublicURL + clientsPath + "/" + id,
		clientMetadata:        metadata,
	}
}
