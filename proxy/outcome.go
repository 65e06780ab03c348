package proxy

import (
	"net/http"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
)

// introspectionJWT is the media type of an introspection response that is a JWT (RFC
// 9701 section 5).
const introspectionJWT = "application/token-introspection+jwt"

// outcome returns what a response says of the client. Every response that another reader
// could read differently, or not at all, is unclear: members are matched exactly, and a
// member that comes twice, a byte order mark or anything behind the object makes a body
// unreadable. An error that a standard does not define is readable.
func (r reply) outcome(endpoint clientauth.Endpoint) string {
	if r.status >= http.StatusInternalServerError {
		return outcomeFailed
	}
	body, err := jsonobject.Parse(r.body)
	code := body.Text("error")
	switch {
	case code == clientauth.CodeInvalidClient && r.mayReject():
		return outcomeRejected
	case r.status >= http.StatusMultipleChoices && code != "" && code != clientauth.CodeInvalidClient:
		return outcomeAccepted
	case r.status < http.StatusMultipleChoices && (err == nil && !namesError(body) || r.isReadableAt(endpoint)):
		return outcomeAccepted
	}
	return outcomeUnclear
}

// mayReject reports whether providers reject a client with the status. RFC 6749 section
// 5.2 has 400 and 401.
func (r reply) mayReject() bool {
	return r.status == http.StatusBadRequest || r.status == http.StatusUnauthorized || r.status == http.StatusForbidden
}

// namesError reports whether a successful response holds an error, as those of some
// providers do.
func namesError(body jsonobject.Object) bool {
	value := body.Get("error")
	return value != nil && string(value) != "null"
}

// isReadableAt reports whether a successful response that is not JSON is what the
// standard of its endpoint has: an empty body at revocation (RFC 7009 section 2.2), a JWT
// at introspection.
func (r reply) isReadableAt(endpoint clientauth.Endpoint) bool {
	switch endpoint {
	case clientauth.Revocation:
		return len(r.body) == 0
	case clientauth.Introspection:
		return isIntrospectionJWT(r.header.Get("Content-Type"))
	}
	return false
}

// isIntrospectionJWT reports whether a media type, with or without parameters, is that of
// an introspection response that is a JWT.
func isIntrospectionJWT(mediaType string) bool {
	essence, _, _ := strings.Cut(mediaType, ";")
	return strings.EqualFold(strings.Trim(essence, " \t"), introspectionJWT)
}
