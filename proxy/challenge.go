package proxy

import (
	"net/http"
	"strings"

	"oauthgw/internal/wwwauth"
)

// correctChallenges lets the challenges of a protected resource refer to its metadata with the
// issuer that clients know. Where the provider names none, it adds the configured one. A 403
// without a challenge stays: it may be about something else than the token.
func (p passthrough) correctChallenges(resp *http.Response, r *http.Request) {
	const resourceMetadata = "resource_metadata" // RFC 9728 section 5.1
	fields := resp.Header["Www-Authenticate"]
	for i, field := range fields {
		fields[i] = wwwauth.Replace(field, resourceMetadata, func(at string) string {
			moved, _ := p.URLMap.Move(at)
			return moved
		})
	}
	unauthorized, at := resp.StatusCode == http.StatusUnauthorized, ""
	if p.ResourceMetadata != nil && (unauthorized || resp.StatusCode == http.StatusForbidden) {
		at = p.ResourceMetadata(r)
	}
	switch {
	case at == "":
	case unauthorized && strings.Trim(strings.Join(fields, ""), " \t,") == "":
		resp.Header.Set("Www-Authenticate", "Bearer "+resourceMetadata+"="+wwwauth.Quote(at))
	default:
		wwwauth.Add(fields, "Bearer", resourceMetadata, at)
	}
}
