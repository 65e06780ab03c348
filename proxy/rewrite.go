package proxy

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/trustedproxy"
)

type outgoing struct {
	target *url.URL
	header http.Header
	body   string
}

// rewrite returns the request that the provider understands: credentials are where the provider
// reads them (RFC 6749 section 2.3.1), and those of the request URI leave it.
func (x *exchange) rewrite(in received) outgoing {
	out := outgoing{header: endToEnd(in.Header, x.Endpoint), body: string(in.body)}
	query := in.Query
	if coding := in.Header["Content-Encoding"]; coding != nil && in.Form == nil {
		out.header["Content-Encoding"] = coding // of a body that passes unread
	}
	if in.Form != nil {
		query = in.Query.WithoutCredentials()
		out.header["Content-Type"] = []string{formMediaType}
		// Also a form without credentials, so that the provider cannot read it differently.
		out.body = x.restate(in, out.header).Encode()
	}
	target := *x.Target
	target.RawQuery = query.Completed(x.ownQuery).Encode()
	out.target = &target
	return out
}

// restate returns the form with the credentials, or sets the Authorization field to them. Both halves
// of a Basic pair are form-encoded, also if the client did not do so. A pushed authorization request
// needs its client_id beside the pair (RFC 9126 section 2.1). A field with another scheme stays.
func (x *exchange) restate(in received, header http.Header) *clientauth.Form {
	id, secret := x.credentials.ClientID, x.credentials.Secret
	if x.lent != nil {
		id, secret = x.lent.ID, x.lent.Secret
	}
	toHeader := x.Clients.ProviderAuth(id) == clientauth.Basic
	moves := x.credentials.Method == clientauth.Post && toHeader && id != "" && header.Get("Authorization") == ""
	switch {
	case x.lent != nil, x.credentials.Method == clientauth.Basic, moves:
	default:
		return in.Form.Completed(in.Query.OnlyCredentials())
	}
	if !toHeader {
		header.Del("Authorization")
		return in.Form.WithCredentials(id, secret)
	}
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret.Reveal())
	header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	if x.Endpoint == clientauth.PushedAuthorizationRequest {
		return in.Form.WithCredentials(id, clientauth.Secret{})
	}
	return in.Form.WithoutCredentials()
}

// endToEnd returns the header fields that are forwarded to an endpoint. Those that choose the
// format of the response are set, because the gateway must read it.
func endToEnd(in http.Header, endpoint clientauth.Endpoint) http.Header {
	out := make(http.Header, len(in)+2)
	for name, values := range in {
		if !dropHeader(name) {
			out[name] = values
		}
	}
	out["Accept"], out["Accept-Encoding"] = []string{accept(endpoint, in["Accept"])}, []string{"identity"}
	delete(out, "Accept-Charset")
	return out
}

// acceptable matches an element of an Accept field that names JSON or a JWT, with no parameter
// but a weight above zero (RFC 9110 section 12.4.2).
var acceptable = regexp.MustCompile(`(?i)^application/(?:json|jwt|token-introspection\+jwt)(?:[ \t]*;[ \t]*q=(?:0\.\d{0,2}[1-9]\d{0,2}|1(?:\.0{0,3})?))?$`)

// accept returns the Accept field of a request to an endpoint: JSON. At introspection the client may
// also accept a JWT. JSON stays: a provider without JWT could respond 406 to a wrong secret.
func accept(endpoint clientauth.Endpoint, client []string) string {
	if endpoint != clientauth.Introspection {
		return jsonMediaType
	}
	kept := slices.DeleteFunc(elements(client), func(e string) bool { return !acceptable.MatchString(e) })
	switch {
	case len(kept) == 0:
		return jsonMediaType
	case !strings.Contains(strings.ToLower(strings.Join(kept, ",")), jsonMediaType):
		kept = append(kept, jsonMediaType+";q=0.1")
	}
	return strings.Join(kept, ", ")
}

// dropHeader reports whether a field, in canonical form, is never forwarded to an endpoint.
func dropHeader(name string) bool {
	switch name {
	// With them, Go's transport sends a request a second time, and the first has used up
	// the code (RFC 6749 section 4.1.2).
	case "Idempotency-Key", "X-Idempotency-Key",
		// They describe the body that the client sent.
		"Content-Length", "Content-Encoding", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest":
		return true
	}
	// An override would make the provider serve another method or path than the one that
	// was checked. Some servers read an underscore, a dot or another character as a hyphen.
	return isHopByHop(name) || trustedproxy.IsOverride(name) ||
		strings.ContainsFunc(name, func(c rune) bool { return c != '-' && !isAlphanumeric(c) })
}

// isHopByHop reports whether a field, in canonical form, is for one connection (RFC 9110 section
// 7.6.1). Fields that Connection names are forwarded: it could name Authorization.
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Upgrade", "Http2-Settings", "Expect", "Te", "Trailer", "Transfer-Encoding",
		"Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization":
		return true
	}
	return false
}
