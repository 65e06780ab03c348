package server

import (
	"crypto/rand"
	"net/http"
	"regexp"

	"oauthgw/proxy"
)

// validRequestID matches the request IDs that are accepted from clients. They appear in
// logs and are sent to the provider.
var validRequestID = regexp.MustCompile(`^[A-Za-z0-9._~+/=:-]{1,128}$`)

// requestID returns the ID of a request, and writes it into the header that the provider
// receives: that of its X-Request-Id field, or a new one.
func requestID(h http.Header) string {
	if ids := h[proxy.RequestID]; len(ids) == 1 && validRequestID.MatchString(ids[0]) {
		return ids[0]
	}
	id := rand.Text()
	h.Set(proxy.RequestID, id)
	return id
}
