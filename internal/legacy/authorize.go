package legacy

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"time"
)

// consent is the body of the consent page, with the client's name and the redirect URI. The
// form posts to the URL of the page, so the parameters stay in the query.
const consent = `<p><strong>%s</strong> asks for access to your account. You will return to <code>%s</code>.</p>
<form method="post">
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>`

// authorizationRequest is a valid authorization request (RFC 6749 section 4.1.1).
type authorizationRequest struct {
	clientID    string
	clientName  string
	redirectURI string
	state       string
	challenge   string
	resource    string
}

// serveAuthorization asks the user on GET, and on POST redirects with the user's decision. An
// error is never a redirect, because the redirect URI may be the error (RFC 6749 section
// 4.1.2.1).
func (p *Provider) serveAuthorization(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		writeMethodNotAllowed(w, "GET, HEAD, POST")
		return
	}
	request, err := p.readAuthorizationRequest(w, r)
	switch {
	case err != nil:
		writePage(w, http.StatusBadRequest, "Bad request", "<p>"+html.EscapeString(err.Error())+"</p>")
	case r.Method != http.MethodPost:
		// RFC 6749 section 10.13: no clickjacking.
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
		writePage(w, http.StatusOK, "Authorize", fmt.Sprintf(consent,
			html.EscapeString(request.clientName), html.EscapeString(request.redirectURI)))
	case r.PostForm.Get("decision") == "deny":
		request.redirect(w, "error", "access_denied")
	default:
		request.redirect(w, "code", p.authorize(request, time.Now()))
	}
}

// readAuthorizationRequest reads and checks the parameters of the query and the body.
func (p *Provider) readAuthorizationRequest(w http.ResponseWriter, r *http.Request) (*authorizationRequest, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, errors.New("the request cannot be parsed")
	}
	for _, values := range r.Form {
		if len(values) > 1 {
			return nil, errors.New("a parameter is present more than once")
		}
	}
	request, err := p.client(r.Form.Get("client_id"), r.Form.Get("redirect_uri"))
	if err != nil {
		return nil, err
	}
	request.state = r.Form.Get("state")
	request.challenge = r.Form.Get("code_challenge")
	request.resource = r.Form.Get("resource")
	return request, checkAuthorizationRequest(r.Form)
}

// client finds the client and its redirect URI. A client with one redirect URI need not name
// it (RFC 6749 section 3.1.2.3).
func (p *Provider) client(clientID, redirectURI string) (*authorizationRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[clientID]
	if c == nil {
		return nil, errors.New("client_id is missing or unknown")
	}
	if registered := c.metadata.RedirectURIs; redirectURI == "" && len(registered) == 1 {
		redirectURI = registered[0]
	}
	if !c.mayRedirectTo(redirectURI) {
		return nil, errors.New("redirect_uri is missing or not registered")
	}
	return &authorizationRequest{clientID: clientID, clientName: c.metadata.ClientName, redirectURI: redirectURI}, nil
}

// checkAuthorizationRequest checks what does not depend on the client. A challenge without a
// method means plain (RFC 7636 section 4.3), which is not supported.
func checkAuthorizationRequest(form url.Values) error {
	challenge := form.Get("code_challenge")
	isS256 := len(challenge) == 43 && form.Get("code_challenge_method") == "S256" // 256 bits in base64url
	switch {
	case form.Get("response_type") != "code":
		return errors.New("response_type must be code")
	case challenge != "" && !isS256:
		return errors.New("code_challenge must be one of the method S256")
	case !validResource(form.Get("resource")):
		return errors.New("resource must be an absolute URI without a fragment")
	}
	return nil
}

// authorize stores the user's consent and returns its code. It replaces an unredeemed one. If
// the client was deleted meanwhile, the code is invalid.
func (p *Provider) authorize(request *authorizationRequest, now time.Time) (code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code = newSecret()
	if c := p.clients[request.clientID]; c != nil {
		c.authorization = &authorization{
			code:        code,
			expiry:      now.Add(codeLifetime),
			redirectURI: request.redirectURI,
			challenge:   request.challenge,
			resource:    request.resource,
		}
	}
	return code
}

// redirect redirects with the decision and the state (RFC 6749 section 4.1.2). It keeps the
// query of the redirect URI (section 3.1.2).
func (a *authorizationRequest) redirect(w http.ResponseWriter, name, value string) {
	query := url.Values{name: {value}}
	if a.state != "" {
		query.Set("state", a.state)
	}
	separator := "?"
	if u, err := url.Parse(a.redirectURI); err == nil && u.RawQuery != "" {
		separator = "&"
	}
	w.Header().Set("Location", a.redirectURI+separator+query.Encode())
	w.WriteHeader(http.StatusFound)
}
