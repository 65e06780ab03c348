package proxy

import (
	"cmp"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// MaxPath bounds the path of a request target, in bytes: a request holds several copies.
const MaxPath = 2 << 10

// TargetPath returns the path of a request target, byte for byte as net/http received it. An
// empty path is "/" (RFC 9112 section 3.2.1).
//
// It returns false for a target that is neither in origin-form nor an absolute http or https
// URL with an authority and without user information (RFC 9112 sections 3.2.1 and 3.2.2): of
// some others net/http would send another path than a router has matched. It also returns
// false for a path that begins with two slashes and that net/url cannot write unchanged.
func TargetPath(r *http.Request) (escaped string, ok bool) {
	escaped, _, _ = strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(escaped, "/") {
		path := absoluteForm.FindStringSubmatch(escaped)
		if path == nil {
			return "", false
		}
		escaped = cmp.Or(path[1], "/")
	}
	return escaped, !strings.HasPrefix(escaped, "//") || isVerbatim(escaped)
}

// absoluteForm matches an absolute URL and its path. The gateway checks the host by itself.
var absoluteForm = regexp.MustCompile(`(?is)^https?://[^/@]+(/.*)?$`)

// isVerbatim reports whether net/url writes a path unchanged.
func isVerbatim(escaped string) bool {
	decoded, err := url.PathUnescape(escaped)
	return err == nil && (&url.URL{Path: decoded, RawPath: escaped}).EscapedPath() == escaped
}

// targetAt returns the URL of a path at a server, opaque if net/url would escape it differently.
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

// NormalizePath returns the normal form of an escaped path (RFC 3986 section 6.2.2). As most
// servers do, it also merges slashes and removes the last one. If resolving dots removes a
// segment with a reserved character, the path is its own normal form, because servers differ
// in where such a segment ends.
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

var escapes = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

func isUnreserved(c byte) bool { return isAlphanumeric(rune(c)) || strings.IndexByte("-._~", c) >= 0 }

func decodeUnreserved(escape string) string {
	if c, err := url.PathUnescape(escape); err == nil && isUnreserved(c[0]) {
		return c
	}
	return strings.ToUpper(escape)
}

// countReserved counts the bytes of a path that are neither unreserved nor slashes.
func countReserved(escaped string) (n int) {
	for _, c := range []byte(escaped) {
		if !isUnreserved(c) && c != '/' {
			n++
		}
	}
	return n
}
