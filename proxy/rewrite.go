package proxy

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/trustedproxy"
)

// outgoing is a request as the provider will receive it.
type outgoing struct {
	target *url.URL
	header http.Header
	body   []byte
}

// rewrite says a client's request in the words the provider understands: the
// credentials of an Authorization field, or of the request URI, become form
// parameters (RFC 6749 section 2.3.1).
func (h *Handler) rewrite(in received, c clientauth.Credentials) outgoing {
	out := outgoing{header: endToEnd(in.Header, h.Endpoint), body: in.body}
	query := in.Query
	if in.Form != nil {
		query = in.Query.WithoutCredentials()
		out.header.Set("Content-Type", formMediaType)
		// Also without credentials the form is sent as it was parsed, so that the
		// provider cannot read it differently.
		out.body = []byte(rewriteForm(in, c).Encode())
	}
	if c.Method == clientauth.Basic {
		out.header.Del("Authorization")
	}
	target := *h.Target
	target.RawQuery = query.Completed(h.ownQuery).Encode()
	out.target = &target
	return out
}

func rewriteForm(in received, c clientauth.Credentials) *clientauth.Form {
	if c.Method == clientauth.Basic {
		return in.Form.WithCredentials(c.ClientID, c.Secret)
	}
	return in.Form.Completed(in.Query.OnlyCredentials())
}

// endToEnd returns the fields of a client's request that may reach a fronted
// endpoint. Fields may be added and left out; their values are the client's own, except
// those that choose the form of the response, which the gateway must be able to read.
func endToEnd(in http.Header, endpoint clientauth.Endpoint) http.Header {
	out := make(http.Header, len(in)+2)
	for name, values := range in {
		if !dropHeader(name) {
			out[name] = values
		}
	}
	out.Set("Accept", accept(endpoint, in["Accept"]))
	out.Set("Accept-Encoding", "identity")
	out.Del("Accept-Charset")
	return out
}

// acceptable matches an element of an Accept field that names JSON or a JWT of an
// introspection response, with no parameter but a weight that is not zero (RFC 9110 section
// 12.4.2). A comma in a quoted string leaves pieces that it does not match.
var acceptable = regexp.MustCompile(`(?i)^(application/(?:json|jwt|token-introspection\+jwt))(?:[ \t]*;[ \t]*q=(?:0\.\d{0,2}[1-9]\d{0,2}|1(?:\.0{0,3})?))?$`)

// accept returns the Accept field of a request to a fronted endpoint: JSON, whatever the
// client accepts. At introspection the elements of the client's field that name JSON or a
// JWT stay as they are. JSON is added to them, because a provider that sends no JWT could
// answer a wrong secret with 406.
func accept(endpoint clientauth.Endpoint, client []string) string {
	const json = "application/json"
	var kept []string
	hasJSON := false
	for element := range strings.SplitSeq(strings.Join(client, ","), ",") {
		element = strings.Trim(element, " \t")
		if match := acceptable.FindStringSubmatch(element); match != nil && endpoint == clientauth.Introspection {
			kept = append(kept, element)
			hasJSON = hasJSON || strings.EqualFold(match[1], json)
		}
	}
	switch {
	case len(kept) == 0:
		return json
	case !hasJSON:
		kept = append(kept, json+";q=0.1")
	}
	return strings.Join(kept, ", ")
}

// dropHeader reports whether a field, its name in canonical form, must not
// reach a fronted endpoint, also if a trusted proxy sent it.
func dropHeader(name string) bool {
	// The connection to the provider is another one. Connection goes whole, and what it
	// names stays: else it could name Authorization and take away the credentials.
	// Upgrade would open a tunnel.
	if isHopByHop(name) {
		return true
	}
	switch name {
	// They make Go's transport send a request a second time, and a code is
	// spent by the first (RFC 6749 section 4.1.2).
	case "Idempotency-Key", "X-Idempotency-Key":
		return true
	// The body they describe is not the one that is sent.
	case "Content-Length", "Content-Encoding", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest":
		return true
	}
	// An override would make the provider serve another method or path than the one
	// that was checked. Some servers take an underscore, a dot or another character for a
	// hyphen.
	return trustedproxy.IsOverride(name) || strings.ContainsFunc(name, func(c rune) bool {
		return c != '-' && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && !('0' <= c && c <= '9')
	})
}

// isHopByHop reports whether a field, its name in canonical form, belongs to one
// connection (RFC 9110 section 7.6.1) or to what one server and its client agree on.
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Upgrade", "Http2-Settings", "Expect", "Te", "Trailer", "Transfer-Encoding",
		"Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization":
		return true
	}
	return false
}
