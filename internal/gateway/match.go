package gateway

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"oauthgw/clientauth"
	"oauthgw/proxy"

	"github.com/gorilla/mux"
)

func normalizedPath(r *http.Request) string {
	escaped, _ := proxy.TargetPath(r) // ServeHTTP refuses a target without a path
	return proxy.NormalizePath(escaped)
}

// matchPath matches the spellings of an endpoint's path: repeated slashes, dot segments, a
// slash at the end, escaped unreserved characters. DELETE and OPTIONS are passed through,
// unless a handler that ignores methods could read them as a token request.
func matchPath(own string) mux.MatcherFunc {
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		other := r.Method == http.MethodDelete || r.Method == http.MethodOptions
		return normalizedPath(r) == own && (!other || hasGrant(r))
	}
}

// hasGrant reports whether a request could be a token request: by its body, header or query.
func hasGrant(r *http.Request) bool {
	return r.ContentLength != 0 || clientauth.MayBeGrant(r.Header, r.URL.RawQuery)
}

// matchQuery matches the requests that match and whose query contains that of an endpoint.
func matchQuery(own url.Values, matches mux.MatcherFunc) mux.MatcherFunc {
	return func(r *http.Request, m *mux.RouteMatch) bool {
		query := r.URL.Query()
		for name, values := range own {
			if !slices.Equal(query[name], values) {
				return false
			}
		}
		return matches(r, m)
	}
}

// matchRegistration matches registrations and their management. The case of methods is ignored.
func matchRegistration(paths []string) mux.MatcherFunc {
	methods := []string{http.MethodPost, http.MethodGet, http.MethodPut, http.MethodDelete}
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		return slices.Contains(methods, strings.ToUpper(r.Method)) && (normalizedPath(r) == paths[0] || managesClient(r, paths))
	}
}

// matchOwnRegistration matches registrations at a path of the gateway. The provider may have a page
// there, such as one to sign up, whose form is not JSON.
func matchOwnRegistration(own string) mux.MatcherFunc {
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		return r.Method == http.MethodPost && normalizedPath(r) == own && (r.Header["Content-Type"] == nil || proxy.HasJSON(r))
	}
}

// managesClient reports whether a request is to the path of one registration. It has a
// Bearer token (RFC 7592 section 2), unlike a request for a page of the provider. Its path
// is sent as it is, so it must be one that all servers read alike.
func managesClient(r *http.Request, paths []string) bool {
	escaped, _ := proxy.TargetPath(r)
	escaped = strings.TrimSuffix(escaped, "/")
	return slices.Contains(paths, path.Dir(escaped)) && path.Clean(escaped) == escaped && isPlainSegment(escaped) && proxy.HasToken(r)
}

// isPlainSegment reports whether all servers read the last segment of an escaped path alike.
func isPlainSegment(escaped string) bool {
	decoded, err := url.PathUnescape(path.Base(escaped))
	return err == nil && decoded != "." && decoded != ".." && utf8.ValidString(decoded) &&
		!strings.ContainsFunc(decoded, func(c rune) bool { return c < ' ' || c == 0x7f || strings.ContainsRune(`/\;%?#`, c) })
}

func matchPreflight(matches mux.MatcherFunc) mux.MatcherFunc {
	return func(r *http.Request, m *mux.RouteMatch) bool {
		method := r.Header.Get("Access-Control-Request-Method")
		if r.Method != http.MethodOptions || method == "" {
			return false
		}
		actual := *r
		actual.Method = method
		// A preflight names the header fields of the request, without their values.
		if strings.Contains(strings.ToLower(r.Header.Get("Access-Control-Request-Headers")), "authorization") {
			actual.Header = http.Header{"Authorization": {"Bearer"}}
		}
		return matches(&actual, m)
	}
}

// isHost reports whether a Host field is a name or an address, with or without a port. A regular
// expression takes four times as long, and each request is checked.
func isHost(field string) bool {
	const digits, letters = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	consists := func(s, of string) bool { return strings.Trim(s, of) == "" }
	if address, ok := strings.CutPrefix(field, "["); ok {
		address, port, closed := strings.Cut(address, "]")
		return closed && address != "" && consists(address, digits+"ABCDEFabcdef:.") && (port == "" || port[0] == ':' && consists(port[1:], digits))
	}
	name, port, _ := strings.Cut(field, ":")
	return name != "" && consists(name, digits+letters+"._~-") && consists(port, digits)
}

// validHost reports whether the Host of a request, from which providers build URLs, is well-formed
// (RFC 9110 section 7.2). It may be missing in HTTP/1.0.
func validHost(r *http.Request) bool {
	return r.Host == "" && !r.ProtoAtLeast(1, 1) || isHost(r.Host)
}
