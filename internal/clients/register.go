package clients

import (
	"encoding/json"
	"regexp"
	"slices"

	"oauthgw/clientauth"
)

// Registered answers a registration (RFC 7591 section 3.2.1). It has no secret, and is not stored.
type Registered struct {
	ClientID      string            `json:"client_id"`
	RedirectURIs  []string          `json:"redirect_uris"`
	Method        clientauth.Method `json:"token_endpoint_auth_method"`
	GrantTypes    []string          `json:"grant_types"`
	ResponseTypes []string          `json:"response_types"`
}

// Register returns the response to a registration with some redirect URIs and grant types, each a
// JSON value that may be missing. It returns nil if no client lists all of the redirect URIs. The
// client gets the grants that it asked for and that the secret is lent for.
func (t *Table) Register(redirectURIs, grantTypes json.RawMessage) *Registered {
	var uris, grants []string
	if json.Unmarshal(redirectURIs, &uris) != nil || len(uris) == 0 {
		return nil
	}
	_ = json.Unmarshal(grantTypes, &grants) // invalid ones are those of a client that asks for none
	for _, c := range t.All() {
		if c.Register && !slices.ContainsFunc(uris, func(uri string) bool { return !c.AllowsRedirect(uri) }) {
			given := slices.DeleteFunc(slices.Clone(c.Grants), func(grant string) bool { return !slices.Contains(grants, grant) })
			if len(given) == 0 { // the server may replace what the client asks for
				given = c.Grants
			}
			return &Registered{c.ID, uris, clientauth.None, given, []string{"code"}}
		}
	}
	return nil
}

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
