package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
)

// The members of client metadata and client information that the gateway reads or writes
// (RFC 7591 sections 2 and 3.2.1, RFC 7592 section 3).
const (
	memberMethod        = "token_endpoint_auth_method"
	memberClientID      = "client_id"
	memberSecret        = "client_secret"
	memberIssued        = "client_id_issued_at"
	memberSecretExpires = "client_secret_expires_at"
	memberAccessToken   = "registration_access_token"
	memberClientURI     = "registration_client_uri"
)

// serverOnly are the members that only the provider sets: in a registration (RFC 7591
// section 3.2.1), and in an update, which names the client and may hold its secret (RFC 7592
// section 2.2).
var serverOnly = map[string][]string{
	http.MethodPost: {memberClientID, memberSecret, memberIssued, memberSecretExpires, memberAccessToken, memberClientURI},
	http.MethodPut:  {memberIssued, memberSecretExpires, memberAccessToken, memberClientURI},
}

// ClientConfiguration is the path below which clients read, update and delete their
// registration (RFC 7592 section 2), if that is not the registration endpoint's. Empty means
// none. It is configured and never taken from a response: a provider that repeats what a
// client sent could name any path.
type ClientConfiguration string

// Contains reports whether a path belongs to a client: it is directly below the configured
// one.
func (c ClientConfiguration) Contains(p string) bool {
	return c != "" && path.Dir(path.Clean("/"+p)) == path.Clean("/"+string(c))
}

// RegistrationConfig configures the registration endpoint.
type RegistrationConfig struct {
	// Config is that of any endpoint. Rules, Challenge and Realm are not used, because
	// clients do not authenticate to register.
	Config
	// Clients is where clients manage their registration.
	Clients ClientConfiguration
	// URLMap maps URLs of the provider to URLs of the gateway.
	URLMap origin.Map
}

// Registration serves the client registration endpoint (RFC 7591) and the client
// configuration endpoints (RFC 7592) of a provider that reads client secrets only from the
// form and stores each client's method. It is safe for concurrent use.
//
// A client that asks for client_secret_basic, or for no method, which means the same, is
// registered with client_secret_post, because that is what reaches the provider. Its response
// has the method that it asked for. A client that reads its registration is shown
// client_secret_basic, which works and is what most clients asked for. Other methods are
// forwarded unchanged.
type Registration struct {
	endpoint *endpoint
	clients  ClientConfiguration
	urlMap   origin.Map
	reported atomic.Bool // that clients manage their registration at an unknown path
}

// NewRegistration returns the handler of the registration endpoint.
func NewRegistration(c RegistrationConfig) *Registration {
	e, _ := newEndpoint(c.Config) // a query that cannot be read has no parameters to repeat
	return &Registration{endpoint: e, clients: c.Clients, urlMap: c.URLMap}
}

// ServeHTTP handles one request.
func (h *Registration) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(h.endpoint, w, r)
	defer x.finish()
	// A provider could read post as POST.
	if r.Method != strings.ToUpper(r.Method) {
		x.writeError(errMethod)
		return
	}
	if err := clientauth.CheckAuthorization(r.Header); err != nil {
		x.writeError(err)
		return
	}
	page := isPage(r)
	if _, err := parse(r.URL.RawQuery, x.ownQuery); err != nil && !page {
		x.writeError(err)
		return
	}
	body, err := readBody(x.w, r, &x.memory)
	if err != nil {
		x.writeError(err)
		return
	}
	asked := clientauth.Basic // of a client that reads its registration
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		if asked, body, err = rewriteRegistration(r, body); err != nil {
			x.writeError(err)
			return
		}
		x.credentials.Method = asked
	}
	header := endToEnd(r.Header, x.Endpoint)
	if page {
		header["Accept"] = r.Header["Accept"]
	}
	x.forward(outgoing{target: registrationTarget(x.Target, r), header: header, body: body}, h.restoreAuthMethod(asked))
}

// isPage reports whether a request is for a page of the provider, for example to sign up: a
// client that reads its registration has a token (RFC 7592 section 2.1).
func isPage(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ContentLength == 0 && !HasToken(r)
}

// HasToken reports whether a request has an access token in its Authorization field, bound
// to a key (RFC 9449 section 7.1) or not, as every request to manage a registration has.
func HasToken(r *http.Request) bool { return clientauth.HasScheme(r.Header, "Bearer", "DPoP") }

// registrationTarget returns the URL of the endpoint if the client named it in any spelling
// of its path, and otherwise the path that the client sent.
func registrationTarget(endpoint *url.URL, r *http.Request) *url.URL {
	escaped, _ := TargetPath(r) // the gateway has refused a target without one
	target := targetAt(endpoint, escaped)
	if NormalizePath(escaped) == NormalizePath(endpoint.EscapedPath()) {
		*target = *endpoint
	}
	target.RawQuery = r.URL.RawQuery
	return target
}

// rewriteRegistration returns the client metadata for the provider, and the method that the
// client asked for. JSON under another media type is read too, because some providers ignore
// the type. A form or a JWT is forwarded. Members that only the provider sets are removed, in
// every spelling that a provider may read.
func rewriteRegistration(r *http.Request, body []byte) (clientauth.Method, []byte, error) {
	if err := checkEncoding(r.Header, body); err != nil {
		return "", nil, err
	}
	metadata, err := jsonobject.Parse(body)
	switch {
	case err != nil && (isJSON(r.Header) || !errors.Is(err, jsonobject.ErrNotObject)):
		return "", nil, errClientMetadata
	case err != nil:
		return clientauth.Other, body, checkUnread(r, body)
	}
	isServerOnly := func(m jsonobject.Member) bool {
		return slices.ContainsFunc(serverOnly[r.Method], func(name string) bool { return isSpelling(m.Name, name) })
	}
	if slices.ContainsFunc(metadata.Members(), isServerOnly) {
		metadata = metadata.Without(isServerOnly)
		body = metadata.Encode()
	}
	if err := checkNames(metadata); err != nil {
		return "", nil, err
	}
	value := string(metadata.Get(memberMethod))
	switch method := metadata.Text(memberMethod); {
	// RFC 7591 section 2: if omitted, the default is client_secret_basic.
	case value == "", value == "null", method == string(clientauth.Basic):
		return clientauth.Basic, metadata.With(memberMethod, clientauth.Post).Encode(), nil
	case method == string(clientauth.Post), method == string(clientauth.None):
		return clientauth.Method(method), body, nil
	case strings.HasSuffix(method, "_jwt"):
		return clientauth.Assertion, body, nil
	}
	return clientauth.Other, body, nil
}

// restoreAuthMethod returns the modifier of the response to a client that asked for a method.
func (h *Registration) restoreAuthMethod(asked clientauth.Method) responseModifier {
	return func(x *exchange, r *response) {
		information, err := jsonobject.Parse(r.body)
		x.outcome = outcomeAccepted
		switch {
		case r.status >= http.StatusInternalServerError:
			x.outcome = outcomeFailed
		case r.status >= http.StatusBadRequest:
			x.outcome = outcomeRejected
		// Only a success of another method than POST may have no body.
		case err != nil && !isPage(x.r) && (len(r.body) > 0 || x.r.Method == http.MethodPost):
			x.outcome = outcomeUnclear
		}
		if x.outcome != outcomeAccepted || !isJSON(r.header) || err != nil || information.Text(memberClientID) == "" {
			return
		}
		if x.r.Method == http.MethodPost && r.status == http.StatusCreated {
			h.reportUnknownPath(information)
		}
		if body := h.rewriteInformation(information, asked).Encode(); string(body) != string(information.Encode()) {
			r.body = body
			// They describe the bytes that the provider sent.
			for _, name := range []string{"Etag", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
				r.header.Del(name)
			}
		}
	}
}

// rewriteInformation returns the client information that the client receives.
func (h *Registration) rewriteInformation(information jsonobject.Object, asked clientauth.Method) jsonobject.Object {
	out := information
	if asked == clientauth.Basic && out.Text(memberMethod) == string(clientauth.Post) {
		out = out.With(memberMethod, clientauth.Basic)
	}
	if uri := out.Text(memberClientURI); uri != "" {
		if at, _ := h.urlMap.Move(uri); at != uri {
			out = out.With(memberClientURI, at)
		}
	}
	// RFC 7591 section 3.2.1 requires it beside a secret; 0 means that it does not expire.
	if out.Get(memberSecret) != nil && out.Get(memberSecretExpires) == nil {
		out = out.With(memberSecretExpires, 0)
	}
	return out
}

// reportUnknownPath logs, once, the path below which the provider keeps clients, if this
// handler does not receive requests there. Only a URI that ends in the client's id shows it
// (RFC 7592 section 1.2 leaves the form to the provider). A path with a secret is not logged.
func (h *Registration) reportUnknownPath(information jsonobject.Object) {
	uri, token := information.Text(memberClientURI), information.Text(memberAccessToken)
	u, err := url.Parse(uri)
	if _, mapped := h.urlMap.Move(uri); err != nil || !mapped || token == "" {
		return
	}
	p := path.Clean("/" + u.Path)
	dir := path.Dir(p)
	if h.clients.Contains(p) || dir == path.Clean("/"+h.endpoint.Target.Path) || dir == "/" ||
		path.Base(p) != information.Text(memberClientID) || strings.Contains(dir, token) {
		return
	}
	if h.reported.CompareAndSwap(false, true) {
		h.endpoint.Log.Warn("clients manage their registration at a path that is not translated; configure it",
			"key", "registration.client_configuration", "path", dir)
	}
}
