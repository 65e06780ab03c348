package wellknown

import (
	"path"
	"strings"
)

const (
	oauthLocation  = "/.well-known/oauth-authorization-server"
	openidLocation = "/.well-known/openid-configuration"
)

// maxLocation bounds a location, in bytes, because it becomes a cache key.
const maxLocation = 512

// Location returns the metadata location that a path means, or false if it
// means none. An issuer with a path puts it behind the well-known name (RFC
// 8414 section 3.1) or before it (OpenID Connect Discovery section 4, and some
// clients do so for the other name as well). Doubled slashes and dots do not
// make another location.
func Location(p string) (string, bool) {
	clean := path.Clean("/" + p)
	if len(clean) > maxLocation {
		return "", false
	}
	for _, name := range []string{oauthLocation, openidLocation} {
		if clean == name || strings.HasPrefix(clean, name+"/") || strings.HasSuffix(clean, name) {
			return clean, true
		}
	}
	return "", false
}
