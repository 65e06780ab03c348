package clients

import (
	"regexp"
	"slices"
)

// loopback matches the origin of an http URI on this host, and its port if it has one. The three
// spellings are different hosts (RFC 8252 section 7.3, RFC 9700 section 4.1.3).
var loopback = regexp.MustCompile(`^(http://(?:127\.0\.0\.1|\[::1\]|localhost))(:[0-9]*)?((?:[/?#].*)?)$`)

var port = regexp.MustCompile(`^:(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$`)

// MatchesRedirect reports whether a redirect URI is the listed one, byte for byte (RFC 9700 section
// 2.1). A listed loopback URI without a port stands for every port, because native apps listen at
// a free one.
func MatchesRedirect(listed, uri string) bool {
	l, u := loopback.FindStringSubmatch(listed), loopback.FindStringSubmatch(uri)
	if l == nil || u == nil || l[2] != "" || !port.MatchString(u[2]) {
		return uri == listed
	}
	return l[1]+l[3] == u[1]+u[3]
}

// AllowsRedirect reports whether a redirect URI is one of the client's.
func (c Client) AllowsRedirect(uri string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(listed string) bool { return MatchesRedirect(listed, uri) })
}
