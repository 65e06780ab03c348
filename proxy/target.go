package proxy

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// MaxPath is how long the path of a request target may be, in bytes. A request holds its
// path several times, decoded and not, for as long as the provider takes.
const MaxPath = 2 << 10

// TargetPath returns the path of a request target, byte for byte as it was
// received. An empty path is "/" (RFC 9112 section 3.2.1). The request must be one
// that net/http has read.
//
// It reports false for a target that is neither in origin-form nor an absolute http
// or https URL with an authority and without user information (RFC 9112 sections
// 3.2.1 and 3.2.2). net/http parses some of the others as opaque URLs: their path
// is empty, and what it would send is not what a router has seen. It also reports
// false for a path that begins with two slashes and holds a character that URLs do
// not have, because net/url cannot write such a path unchanged.
func TargetPath(r *http.Request) (escaped string, ok bool) {
	escaped, _, _ = strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(escaped, "/") {
		if escaped, ok = absolutePath(escaped); !ok {
			return "", false
		}
	}
	if escaped == "" {
		escaped = "/"
	}
	return escaped, !strings.HasPrefix(escaped, "//") || isVerbatim(escaped)
}

// absolutePath cuts scheme and authority off an absolute URL. The authority itself
// takes the place of the Host field in net/http, and is judged there.
func absolutePath(target string) (escaped string, ok bool) {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", false
	}
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	authority := rest[:end]
	return rest[end:], authority != "" && !strings.Contains(authority, "@")
}

// isVerbatim reports whether net/url writes a path unchanged.
func isVerbatim(escaped string) bool {
	decoded, err := url.PathUnescape(escaped)
	return err == nil && (&url.URL{Path: decoded, RawPath: escaped}).EscapedPath() == escaped
}

// targetAt returns the URL of a path at a server. The path is sent byte for byte:
// where net/url would escape it differently, it stands in the opaque part, which
// net/url writes as it is.
func targetAt(server *url.URL, escaped string) *url.URL {
	target := &url.URL{Scheme: server.Scheme, Host: server.Host}
	if !isVerbatim(escaped) {
		target.Opaque = escaped
		return target
	}
	target.Path, _ = url.PathUnescape(escaped) // isVerbatim has decoded it
	target.RawPath = escaped
	return target
}

// NormalizePath returns the normal form of an escaped path (RFC 3986 section
// 6.2.2): escapes of unreserved characters are decoded, the digits of the others
// are in upper case, and dot segments are resolved. Besides, as most servers do, it
// merges slashes and leaves out the one at the end. A path with a segment that is
// resolved and holds a reserved character is its own normal form, because servers
// differ in where such a segment ends. Two paths with one normal form are two
// spellings of one path.
func NormalizePath(escaped string) string {
	if strings.Contains(escaped, "%") {
		escaped = escapes.ReplaceAllStringFunc(escaped, decodeUnreserved)
	}
	if !strings.HasPrefix(escaped, "/") {
		escaped = "/" + escaped
	}
	clean := path.Clean(escaped)
	if countReserved(clean) != countReserved(escaped) {
		return escaped
	}
	return clean
}

var (
	escapes    = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	unreserved = regexp.MustCompile(`^[A-Za-z0-9._~-]$`)
)

func decodeUnreserved(escape string) string {
	if c, err := url.PathUnescape(escape); err == nil && unreserved.MatchString(c) {
		return c
	}
	return strings.ToUpper(escape)
}

// countReserved counts the characters of a path that are neither unreserved nor
// slashes.
func countReserved(escaped string) (n int) {
	for i := range len(escaped) {
		c := escaped[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/", c) >= 0) {
			n++
		}
	}
	return n
}
