package proxy

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
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

// RegistrationConfig configures the registration endpoint.
type RegistrationConfig struct {
	Config // without Rules, Challenge and Realm: clients do not authenticate to register
	// ClientConfiguration is the path below which clients read, update and delete their registration (RFC
	// 7592 section 2), if that is not the registration endpoint's. Empty means none. It is
	// never taken from a response: a provider that repeats what a client sent could name any.
	ClientConfiguration string
	URLMap              origin.Map // maps URLs of the provider to URLs of the gateway
	// TakesNoSecret reports whether the provider takes no client secret, so that methods stay.
	// Nil means that it takes one.
	TakesNoSecret func() bool
	// ProviderRegisters reports whether the provider registers clients. If not, a registration that
	// matches no client of the table is refused. Nil means that it does.
	ProviderRegisters func(context.Context) bool
	Log               *slog.Logger
}

// Registration serves client registration (RFC 7591) and client configuration (RFC 7592).
//
// A client that asks for client_secret_basic, or for no method, which means the same, or for
// client_secret_post is registered with the one of the two that reaches the provider. It is shown
// the one that it asked for. Other methods are forwarded unchanged.
type Registration struct {
	endpoint *endpoint
	config   RegistrationConfig
	reported atomic.Bool // that clients manage their registration at an unknown path
}

// NewRegistration returns the handler of the registration endpoint.
func NewRegistration(c RegistrationConfig) *Registration {
	e, _ := newEndpoint(c.Config) // a query that cannot be read has no parameters to repeat
	return &Registration{endpoint: e, config: c}
}

// ServeHTTP handles one request.
func (h *Registration) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(h.endpoint, w, r)
	defer x.finish()
	if h.config.TakesNoSecret == nil || !h.config.TakesNoSecret() {
		x.registersAs = x.Clients.ProviderAuth("")
	}
	body, err := x.readRegistration()
	if err != nil {
		x.writeError(err)
		return
	}
	switch {
	case x.registered != nil:
		x.register()
		return
	case r.Method == http.MethodPost && h.config.ProviderRegisters != nil && !h.config.ProviderRegisters(r.Context()):
		x.writeError(errRedirectURIs)
		return
	}
	header := endToEnd(r.Header, x.Endpoint)
	if isPage(r) {
		header["Accept"] = r.Header["Accept"]
	}
	x.forward(outgoing{target: registrationTarget(x.Target, r), header: header, body: string(body)}, func(r *response) { h.fixInformation(x, r) })
}

// register answers a registration with a client of the table (RFC 7591 section 3.2.1).
func (x *exchange) register() {
	x.outcome = OutcomeRegistered
	body, _ := json.Marshal(x.registered) // only texts
	h := x.w.Header()
	h.Set("Content-Type", jsonMediaType)
	setNoStore(h)
	x.w.WriteHeader(http.StatusCreated)
	_, _ = x.w.Write(body) // fails if the client is gone
}

func (x *exchange) readRegistration() (body []byte, err error) {
	r := x.r
	if r.Method != strings.ToUpper(r.Method) { // a provider could read post as POST
		return nil, errMethod
	}
	if err := clientauth.CheckAuthorization(r.Header); err != nil {
		return nil, err
	}
	if _, err := x.parse(r.URL.RawQuery); err != nil && !isPage(r) {
		return nil, err
	}
	body, err = readBody(x.w, r, x.Stall, &x.memory)
	if err == nil && (r.Method == http.MethodPost || r.Method == http.MethodPut) {
		asked, rewritten, err := x.rewriteRegistration(body)
		if err != nil {
			return nil, err // the method of an invalid registration is unknown
		}
		x.credentials.Method, body = asked, rewritten
	}
	return body, err
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

// fixInformation shows the client the method that it asked for, and where its registration is.
func (h *Registration) fixInformation(x *exchange, r *response) {
	information, err := r.object, r.err
	x.outcome = OutcomeAccepted
	switch {
	case r.status >= http.StatusInternalServerError:
		x.outcome = OutcomeFailed
	case r.status >= http.StatusBadRequest:
		x.outcome = OutcomeRejected
	// Only a success of another method than POST may have no body.
	case err != nil && !isPage(x.r) && (len(r.body) > 0 || x.r.Method == http.MethodPost):
		x.outcome = OutcomeUnclear
	}
	if x.outcome != OutcomeAccepted || !isJSONType(r.mediaType) || err != nil || information.Text(memberClientID) == "" {
		return
	}
	if x.r.Method == http.MethodPost && r.status == http.StatusCreated {
		h.reportUnknownPath(information)
	}
	body := h.rewriteInformation(x, information).Encode()
	if string(body) != string(information.Encode()) {
		r.body = body
		dropDigests(r.header)
	}
}

func (h *Registration) rewriteInformation(x *exchange, out jsonobject.Object) jsonobject.Object {
	// A client that reads its registration asks for no method.
	asked := cmp.Or(x.credentials.Method, clientauth.Basic)
	if presentsSecret(asked) && x.registersAs != "" && out.Text(memberMethod) == string(x.registersAs) {
		out = out.With(memberMethod, asked)
	}
	if uri := out.Text(memberClientURI); uri != "" {
		whole, changed := resolve(x.Target, uri)
		at, mapped := h.config.URLMap.Move(whole)
		if at != uri && (mapped || !changed) {
			out = out.With(memberClientURI, at)
		}
		if mapped && changed {
			x.repaired("registration_client_uri")
		}
	}
	// RFC 7591 section 3.2.1 requires it beside a secret; 0 means that it does not expire.
	if out.Get(memberSecret) != nil && out.Get(memberSecretExpires) == nil {
		out = out.With(memberSecretExpires, 0)
		x.repaired("client_secret_expires_at")
	}
	return out
}

// resolve returns the absolute URL of a reference with neither a scheme nor a host, and whether
// text is one. RFC 7591 section 3.2.1 requires a whole URL.
func resolve(base *url.URL, text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || strings.HasPrefix(text, "//") {
		return text, false
	}
	return base.ResolveReference(u).String(), true
}

// reportUnknownPath logs, once, the path below which the provider keeps clients, if requests
// there pass by. Only a URI that ends in the client's id shows it. It logs no secret.
func (h *Registration) reportUnknownPath(information jsonobject.Object) {
	uri, token := information.Text(memberClientURI), information.Text(memberAccessToken)
	u, err := url.Parse(uri)
	if _, mapped := h.config.URLMap.Move(uri); err != nil || !mapped || token == "" {
		return
	}
	dir, name := path.Dir(path.Clean("/"+u.Path)), path.Base(u.Path)
	known := []string{"/", path.Clean("/" + h.config.ClientConfiguration), path.Clean("/" + h.config.Target.Path)}
	if slices.Contains(known, dir) || name != information.Text(memberClientID) || strings.Contains(dir, token) {
		return
	}
	if h.reported.CompareAndSwap(false, true) {
		h.config.Log.Warn("clients manage their registration at a path that is not translated; configure it",
			"key", "registration.client_configuration", "path", dir)
	}
}
