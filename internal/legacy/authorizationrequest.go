package legacy

import (
	"errors"
	"net/http"
	"net/url"
)

// authorizationRequest is a request that may be put to the user (RFC 6749
// section 4.1.1).
type authorizationRequest struct {
	clientID    string
	clientName  string
	redirectURI string
	state       string
	challenge   string
	resource    string
}

// The faults of an authorization request, told to the user.
var (
	errUnreadable         = errors.New("the request cannot be read")
	errRepeated           = errors.New("a parameter is present more than once")
	errUnknownClient      = errors.New("client_id is missing or unknown")
	errUnknownRedirectURI = errors.New("redirect_uri is missing or not registered")
	errResponseType       = errors.New("response_type must be code")
	errChallenge          = errors.New("code_challenge must be one of the method S256")
	errIndicator          = errors.New("resource must be an absolute URI without a fragment")
)

// readAuthorizationRequest reads the parameters, the query's and the body's
// merged, and judges them.
func (p *Provider) readAuthorizationRequest(w http.ResponseWriter, r *http.Request) (*authorizationRequest, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, errUnreadable
	}
	for _, values := range r.Form {
		if len(values) > 1 {
			return nil, errRepeated
		}
	}
	request, err := p.addressee(r.Form.Get("client_id"), r.Form.Get("redirect_uri"))
	if err != nil {
		return nil, err
	}
	request.state = r.Form.Get("state")
	request.challenge = r.Form.Get("code_challenge")
	request.resource = r.Form.Get("resource")
	return request, checkAuthorizationRequest(r.Form)
}

// addressee finds whom an answer goes to. A client with one redirect URI need
// not name it (RFC 6749 section 3.1.2.3).
func (p *Provider) addressee(clientID, redirectURI string) (*authorizationRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[clientID]
	if c == nil {
		return nil, errUnknownClient
	}
	if registered := c.metadata.RedirectURIs; redirectURI == "" && len(registered) == 1 {
		redirectURI = registered[0]
	}
	if !c.mayRedirectTo(redirectURI) {
		return nil, errUnknownRedirectURI
	}
	return &authorizationRequest{
		clientID:    clientID,
		clientName:  c.metadata.ClientName,
		redirectURI: redirectURI,
	}, nil
}

// checkAuthorizationRequest judges what does not depend on the client. A
// challenge without a method would be plain (RFC 7636 section 4.3), which is
// not supported.
func checkAuthorizationRequest(form url.Values) error {
	// Base64url of a SHA-256 sum is 43 characters long.
	challenge := form.Get("code_challenge")
	challenged := len(challenge) == 43 && form.Get("code_challenge_method") == "S256"
	switch {
	case form.Get("response_type") != "code":
		return errResponseType
	case challenge != "" && !challenged:
		return errChallenge
	case checkResource(form.Get("resource")) != nil:
		return errIndicator
	}
	return nil
}
