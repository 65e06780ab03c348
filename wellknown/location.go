package wellknown

import (
	"net/url"
	"path"
	"strings"
	"unicode"
)

const (
	serverLocation   = "/.well-known/oauth-authorization-server" // RFC 8414 section 3
	openidLocation   = "/.well-known/openid-configuration"       // OpenID Connect Discovery section 4
	resourceLocation = "/.well-known/oauth-protected-resource"   // RFC 9728 section 3

	maxLocation = 512 // bytes; a location is a cache key
)

// parseLocation returns the metadata location of a path and the well-known name in it,
// which is empty if the path is not a location. The path of an issuer comes after the
// name (RFC 8414 section 3.1) or before it (OpenID Connect Discovery section 4). A path
// that servers read in different ways has a name but no location: it is never fetched.
func parseLocation(p string) (location, name string) {
	clean := path.Clean("/" + p)
	if len(clean) > maxLocation || !strings.Contains(clean, "/.well-known/") {
		return "", ""
	}
	// Servers could disagree about where a segment or the path ends, or decode it again.
	// Invalid UTF-8 reads as U+FFFD.
	ambiguous := strings.ContainsFunc(clean, func(c rune) bool { return unicode.IsControl(c) || strings.ContainsRune(";\\%?#\ufffd", c) })
	for _, name := range []string{serverLocation, openidLocation, resourceLocation} {
		if strings.HasPrefix(clean+"/", name+"/") || strings.HasSuffix(clean, name) {
			if ambiguous {
				return "", name
			}
			return clean, name
		}
	}
	return "", ""
}

// Locations returns the paths at which clients look for the metadata of an issuer, in
// the order of most of them. An invalid issuer has those of one without a path.
func Locations(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil || strings.Trim(u.Path, "/") == "" {
		return []string{serverLocation, openidLocation}
	}
	below := path.Clean(u.Path)
	return []string{serverLocation + below, openidLocation + below, below + openidLocation, below + serverLocation}
}
