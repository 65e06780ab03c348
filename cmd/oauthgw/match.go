package main

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/proxy"

	"github.com/gorilla/mux"
)

// registers matches registrations and requests to manage one. Some servers do not
// distinguish the case of methods.
func (g *gateway) registers(endpoint *url.URL) mux.MatcherFunc {
	places := g.places(endpoint)
	methods := []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodDelete}
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		return slices.Contains(methods, strings.ToUpper(r.Method)) && (spelling(r) == places[0] || manages(r, places))
	}
}

// manages reports whether a request is to the path of one registration. It has a token
// (RFC 7592 section 2), so that no page of the provider's is taken for one.
// Its path is sent as it is, so it has to be one that every server reads alike.
func manages(r *http.Request, places []string) bool {
	escaped, _ := proxy.TargetPath(r) // the gateway has refused a target without one
	escaped = strings.TrimSuffix(escaped, "/")
	return slices.Contains(places, path.Dir(escaped)) && path.Clean(escaped) == escaped && isPlainSegment(escaped) && proxy.HasToken(r)
}

// preflightOf matches the preflights of what matches.
func preflightOf(matches mux.MatcherFunc) mux.MatcherFunc {
	return func(r *http.Request, m *mux.RouteMatch) bool {
		asked := r.Header.Get("Access-Control-Request-Method")
		if r.Method != http.MethodOptions || asked == "" {
			return false
		}
		actual := *r
		actual.Method = asked
		// It says which fields the request will have, not what is in them.
		if strings.Contains(strings.ToLower(r.Header.Get("Access-Control-Request-Headers")), "authorization") {
			actual.Header = http.Header{"Authorization": {"Bearer"}}
		}
		return matches(&actual, m)
	}
}

// isForNobody matches what is no provider's to answer: a tunnel is not for it to
// open, and a trace shows credentials.
func isForNobody(r *http.Request, _ *mux.RouteMatch) bool {
	return r.Method == http.MethodConnect || r.Method == http.MethodTrace
}

// on matches paths under some methods.
func on(leads func(path string) bool, methods ...string) mux.MatcherFunc {
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		return slices.Contains(methods, r.Method) && leads(r.URL.Path)
	}
}

// leadsTo matches the spellings of an endpoint's path: doubled slashes, dot segments,
// a slash at the end, escapes of unreserved characters. DELETE and OPTIONS are not
// token requests (RFC 6749 section 3.2 knows POST only) but some providers' own, and
// CORS. They pass unless they hold what a handler that ignores methods could take for
// a token request.
func leadsTo(endpoint *url.URL) mux.MatcherFunc {
	own := proxy.NormalizePath(endpoint.EscapedPath())
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		other := r.Method == http.MethodDelete || r.Method == http.MethodOptions
		return spelling(r) == own && (!other || holdsGrant(r))
	}
}

// holdsGrant reports whether a request could be read as a token request: it has a body,
// HTTP Basic, or a query with a grant or a client's credentials.
func holdsGrant(r *http.Request) bool {
	query, err := clientauth.ParseForm(r.URL.RawQuery)
	return r.ContentLength != 0 || clientauth.HasScheme(r.Header, "Basic") || err != nil ||
		query.Get("grant_type") != "" || query.Get(clientauth.ParameterClientSecret) != "" ||
		query.Get(clientauth.ParameterClientAssertion) != "" || query.Get(clientauth.ParameterClientAssertionType) != ""
}

// spelling returns the normal form of a request's path.
func spelling(r *http.Request) string {
	escaped, _ := proxy.TargetPath(r) // the gateway has refused a target without one
	return proxy.NormalizePath(escaped)
}

// having matches, of what matches, the requests whose query holds all of an
// endpoint's own.
func having(own url.Values, matches mux.MatcherFunc) mux.MatcherFunc {
	return func(r *http.Request, m *mux.RouteMatch) bool {
		if !matches(r, m) {
			return false
		}
		query := r.URL.Query()
		for name, values := range own {
			if !slices.Equal(query[name], values) {
				return false
			}
		}
		return true
	}
}

// What a name, an address and a port of a Host field consist of.
const (
	ofPort    = "0123456789"
	ofName    = ofPort + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_~"
	ofAddress = ofPort + "abcdefABCDEF.:"
)

// namesHost reports whether a request's Host can be told to a provider, which
// builds URLs from it: whether it is a name or an address, and perhaps a port (RFC
// 9110 section 7.2). HTTP/1.0 knows requests without one.
func namesHost(r *http.Request) bool {
	if r.Host == "" {
		return !r.ProtoAtLeast(1, 1)
	}
	host, port, of := r.Host, "", ofName
	if at := strings.LastIndexByte(host, ':'); at > strings.LastIndexByte(host, ']') {
		host, port = host[:at], host[at+1:]
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host, of = host[1:len(host)-1], ofAddress
	}
	return host != "" && strings.Trim(host, of) == "" && strings.Trim(port, ofPort) == ""
}
