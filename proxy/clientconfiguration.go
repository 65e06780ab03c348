package proxy

import (
	"net/url"
	"path"
	"strings"

	"oauthgw/internal/jsonobject"
)

// ClientConfiguration is the path below which clients read, update and delete
// their registration (RFC 7592 section 2), where that is not the registration
// endpoint's. Empty means none. It is configured and never taken from a response:
// a provider that echoes what a client sent could name any path.
type ClientConfiguration string

// Contains reports whether a path belongs to a client: it lies directly below the
// configured one. What lies deeper is something else of the provider's.
func (c ClientConfiguration) Contains(p string) bool {
	return c != "" && path.Dir(path.Clean("/"+p)) == path.Clean("/"+string(c))
}

// unknownPlace returns the path below which the provider keeps the client that a
// registration response describes, if requests there do not come to this handler.
// Only a URI that ends in the client's id gives it away (RFC 7592 section 1.2
// leaves the form to the provider). A path with a secret in it is not for the log.
func (h *Registration) unknownPlace(information jsonobject.Object) string {
	uri, token := information.Text(memberClientURI), information.Text(memberAccessToken)
	u, err := url.Parse(uri)
	if _, through := h.URLMap.Move(uri); err != nil || !through || token == "" {
		return ""
	}
	p := path.Clean("/" + u.Path)
	place := path.Dir(p)
	if h.Clients.Contains(p) || place == path.Clean("/"+h.Target.Path) || place == "/" ||
		path.Base(p) != information.Text(memberClientID) || strings.Contains(place, token) {
		return ""
	}
	return place
}
