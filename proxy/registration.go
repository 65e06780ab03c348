package proxy

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
)

// The members of client metadata and client information that are read or
// written here (RFC 7591 sections 2 and 3.2.1, RFC 7592 section 3).
const (
	memberMethod        = "token_endpoint_auth_method"
	memberClientID      = "client_id"
	memberSecret        = "client_secret"
	memberIssued        = "client_id_issued_at"
	memberSecretExpires = "client_secret_expires_at"
	memberAccessToken   = "registration_access_token"
	memberClientURI     = "registration_client_uri"
)

// serverOnly are the members that only the provider gives: in a registration (RFC
// 7591 section 3.2.1), and in an update, which names the client and may hold its
// secret (RFC 7592 section 2.2).
var serverOnly = map[string][]string{
	http.MethodPost: {memberClientID, memberSecret, memberIssued, memberSecretExpires, memberAccessToken, memberClientURI},
	http.MethodPut:  {memberIssued, memberSecretExpires, memberAccessToken, memberClientURI},
}

// RegistrationConfig describes the endpoint at which clients register.
type RegistrationConfig struct {
	// Config describes the endpoint as any other. Rules, Challenge and Realm are
	// not used: whoever registers is not a client yet.
	Config
	// Clients is where clients manage their registration.
	Clients ClientConfiguration
	// URLMap leads URLs that the provider hands out through the gateway.
	URLMap origin.Map
}

// Registration fronts the client registration endpoint (RFC 7591) and the
// client configuration endpoints (RFC 7592) of a provider that takes client
// secrets only from the form and records the method of each client. It is safe
// for concurrent use.
//
// A client that asks for client_secret_basic, or for nothing, which means the
// same, is registered with client_secret_post, because that is what arrives at
// the provider; the client is told the method that it asked for. Every other
// method is between client and provider. Of a client that reads its
// registration it is not known what it asked for; it is told
// client_secret_basic, which works and is what most asked for.
type Registration struct {
	RegistrationConfig
	ownQuery *clientauth.Form
	reported atomic.Bool // that clients manage their registration elsewhere
}

// NewRegistration returns the handler of the registration endpoint.
func NewRegistration(c RegistrationConfig) *Registration {
	c.Config = c.withDefaults()
	own, _ := clientauth.ParseForm(c.Target.RawQuery) // one that cannot be read has no parameters to repeat
	return &Registration{RegistrationConfig: c, ownQuery: own}
}

// ServeHTTP carries one exchange, top to bottom.
func (h *Registration) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, end := newExchange(&h.Config, w, r)
	defer end()
	// A provider might take post for POST, and the gateway would not have.
	if r.Method != strings.ToUpper(r.Method) {
		x.refuse(errMethod)
		return
	}
	if err := clientauth.CheckAuthorization(r.Header); err != nil {
		x.refuse(err)
		return
	}
	page := isPage(r)
	if _, err := parse(r.URL.RawQuery, h.ownQuery); err != nil && !page {
		x.refuse(err)
		return
	}
	body, err := readBody(x.w, x.r, &x.body)
	if err != nil {
		x.refuse(err)
		return
	}
	asked := clientauth.Basic // what most who read their registration asked for
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		if asked, body, err = rewriteRegistration(r, body); err != nil {
			x.refuse(err)
			return
		}
		x.credentials.Method = asked
	}
	x.modify = h.restoreAuthMethod(asked)
	header := endToEnd(r.Header, h.Endpoint)
	if page {
		header["Accept"] = r.Header["Accept"]
	}
	x.forward(outgoing{target: h.target(r), header: header, body: body})
}

// isPage reports whether a request is for a page of the provider's, such as one to sign up:
// a client that reads its registration has a token (RFC 7592 section 2.1).
func isPage(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ContentLength == 0 && !HasToken(r)
}

// HasToken reports whether a request has an access token in its Authorization field, bound
// to a key (RFC 9449 section 7.1) or not, as every request to manage a registration has.
func HasToken(r *http.Request) bool { return clientauth.HasScheme(r.Header, "Bearer", "DPoP") }

// target returns where a request goes: to the endpoint, however the client spelled
// its path, or else to the path that the client sent.
func (h *Registration) target(r *http.Request) *url.URL {
	escaped, _ := TargetPath(r) // the gateway has refused a target without one
	target := targetAt(h.Target, escaped)
	if NormalizePath(escaped) == NormalizePath(h.Target.EscapedPath()) {
		*target = *h.Target
	}
	target.RawQuery = r.URL.RawQuery
	return target
}

// rewriteRegistration says client metadata in the words the provider
// understands, and returns the method that the client asked for. Metadata under
// another media type counts, because some providers do not look at the type;
// a form or a JWT is for the provider to judge. Members that
// only the provider gives are removed, in every spelling that a provider may read.
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
	case method == string(clientauth.Post):
		return clientauth.Post, body, nil
	case method == "none":
		return clientauth.None, body, nil
	case strings.HasSuffix(method, "_jwt"):
		return clientauth.Assertion, body, nil
	}
	return clientauth.Other, body, nil
}

// restoreAuthMethod returns the completion of a reply to a client that asked for a
// method.
func (h *Registration) restoreAuthMethod(asked clientauth.Method) responseModifier {
	return func(x *exchange, r *reply) {
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
			if place := h.unknownPlace(information); place != "" && h.reported.CompareAndSwap(false, true) {
				h.Log.Warn("clients manage their registration at a path that is not translated; configure it",
					"key", "registration.client_configuration", "path", place)
			}
		}
		told := h.complete(information, asked)
		if body := told.Encode(); string(body) != string(information.Encode()) {
			r.body = body
			// They describe the octets that the provider sent.
			for _, name := range []string{"Etag", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
				r.header.Del(name)
			}
		}
	}
}

// complete returns client information as the client is to see it.
func (h *Registration) complete(information jsonobject.Object, asked clientauth.Method) jsonobject.Object {
	out := information
	if asked == clientauth.Basic && out.Text(memberMethod) == string(clientauth.Post) {
		out = out.With(memberMethod, clientauth.Basic)
	}
	if uri := out.Text(memberClientURI); uri != "" {
		if at, _ := h.URLMap.Move(uri); at != uri {
			out = out.With(memberClientURI, at)
		}
	}
	// RFC 7591 section 3.2.1: required beside a secret; 0 means that it does not
	// expire, which is what a provider means that says nothing.
	if out.Get(memberSecret) != nil && out.Get(memberSecretExpires) == nil {
		out = out.With(memberSecretExpires, 0)
	}
	return out
}
