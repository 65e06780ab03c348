package wellknown

import (
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

const (
	serverLocation   = "/.well-known/oauth-authorization-server" // RFC 8414 section 3
	openidLocation   = "/.well-known/openid-configuration"       // OpenID Connect Discovery section 4
	resourceLocation = "/.well-known/oauth-protected-resource"   // RFC 9728 section 3
)

// maxLocation bounds a location, in bytes, because it becomes a cache key.
const maxLocation = 512

// locate returns the metadata location that a path means and the well-known
// name in it, which is empty if the path means none. An issuer with a path puts
// it behind the name (RFC 8414 section 3.1) or before it (OpenID Connect
// Discovery section 4, and some clients do so for the other names as well).
// Doubled slashes and dots do not make another location. A path that holds what
// servers read in two ways has a name and no location: it is never sent.
func locate(p string) (location, name string) {
	if !strings.Contains(p, "/.well-known/") && !strings.Contains(p, "//") && !strings.Contains(p, "/.") {
		return "", "" // nearly every path
	}
	clean := p
	if !strings.HasPrefix(p, "/") {
		clean = "/" + p
	}
	clean = path.Clean(clean)
	if len(clean) > maxLocation {
		return "", ""
	}
	for _, name := range []string{serverLocation, openidLocation, resourceLocation} {
		switch {
		case clean != name && !strings.HasPrefix(clean, name+"/") && !strings.HasSuffix(clean, name):
		case isAmbiguous(clean):
			return "", name
		default:
			return clean, name
		}
	}
	return "", ""
}

// isAmbiguous reports whether servers could read a decoded path in two ways: where a
// segment or the path ends, or what another decoding makes of it.
func isAmbiguous(p string) bool {
	return !utf8.ValidString(p) || strings.ContainsFunc(p, func(c rune) bool {
		return c < ' ' || c == 0x7f || strings.ContainsRune(`;\%?#`, c)
	})
}

// Locations returns the paths at which clients look for the metadata of an
// issuer, in the order in which most of them do. An issuer that is no URL has
// those of one without a path.
func Locations(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil {
		u = &url.URL{}
	}
	below := strings.TrimRight(u.Path, "/")
	if below == "" {
		return []string{serverLocation, openidLocation}
	}
	return []string{serverLocation + below, openidLocation + below, below + openidLocation, below + serverLocation}
}
