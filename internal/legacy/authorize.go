package legacy

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"time"
)

// consent is the body of the page that asks the user: the client's name and
// the redirect URI. The form is sent to the URL of the page itself, so the
// parameters stay in the query.
const consent = `<p><strong>%s</strong> asks for access to your account. You will return to <code>%s</code>.</p>
<form method="post">
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>`

// serveAuthorization asks the user on GET, and on POST sends the browser back
// with what the user decided (RFC 6749 section 4.1.1).
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
		// Never a redirect: the redirect URI itself may be at fault (RFC 6749
		// section 4.1.2.1), and the original showed a page for the rest too.
		writePage(w, http.StatusBadRequest, "Bad request", "<p>"+html.EscapeString(err.Error())+"</p>")
	case r.Method != http.MethodPost:
		// A page in somebody's frame could be clicked unseen (RFC 6749 section
		// 10.13).
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
		writePage(w, http.StatusOK, "Authorize", fmt.Sprintf(consent,
			html.EscapeString(request.clientName), html.EscapeString(request.redirectURI)))
	case r.PostForm.Get("decision") == "deny":
		request.redirect(w, "error", "access_denied")
	default:
		request.redirect(w, "code", p.authorize(request, time.Now()))
	}
}

// authorize keeps the user's consent and returns the code for it. It takes the
// place of one that the client did not redeem.
func (p *Provider) authorize(request *authorizationRequest, now time.Time) (code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code = newSecret()
	// The client can have been deleted since the request was read; its code
	// then leads nowhere.
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

// redirect sends the browser back with the decision and the client's state
// (RFC 6749 section 4.1.2). A query that the redirect URI has is kept as it is
// (section 3.1.2).
func (a *authorizationRequest) redirect(w http.ResponseWriter, name, value string) {
	answer := url.Values{name: {value}}
	if a.state != "" {
		answer.Set("state", a.state)
	}
	location := a.redirectURI + "?" + answer.Encode()
	if u, err := url.Parse(a.redirectURI); err == nil && u.RawQuery != "" {
		location = a.redirectURI + "&" + answer.Encode()
	}
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
}
