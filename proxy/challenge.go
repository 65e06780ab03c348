package proxy

import (
	"net/http"

	"oauthgw/internal/wwwauth"
)

// challenge returns a WWW-Authenticate value for HTTP Basic (RFC 7617 section
// 2).
func challenge(realm string) string { return "Basic realm=" + wwwauth.Quote(realm) }

// challengesBasic reports whether one of the challenges in a header has the
// Basic scheme.
func challengesBasic(h http.Header) bool { return wwwauth.Offers(h["Www-Authenticate"], "Basic") }

// moveResourceMetadata lets the challenges of a protected resource (RFC 9728
// section 5.1) point to the metadata that names the issuer that clients know.
func (c PassthroughConfig) moveResourceMetadata(fields []string) {
	for i, field := range fields {
		fields[i] = wwwauth.Replace(field, "resource_metadata", func(at string) string {
			moved, _ := c.URLMap.Move(at)
			return moved
		})
	}
}
