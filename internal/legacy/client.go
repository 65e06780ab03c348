package legacy

import (
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// client is a registered client and what it holds. As in the original it has
// at most one authorization that is not redeemed, and at most one pair of
// tokens: a newer one takes the place of the older. Guarded by the provider's
// mutex.
type client struct {
	id                string
	secret            string
	issuedAt          time.Time
	registrationToken string
	metadata          clientMetadata
	authorization     *authorization
	tokens            *tokens
}

// authorization is a user's consent that waits for its exchange (RFC 6749
// section 4.1.2).
type authorization struct {
	code        string
	expiry      time.Time
	redirectURI string
	challenge   string // S256; empty: none was sent
	resource    string // empty: none was named
}

// tokens is a pair of tokens as issued.
type tokens struct {
	access        string
	accessExpiry  time.Time
	refresh       string
	refreshExpiry time.Time
	resource      string
}

// Client is a client with an id and a secret of somebody else's choice, as old
// installations have them; those that register get this provider's own. The
// members are named as in RFC 7591 section 2.
type Client struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"`
}

// registered returns the client as if it had registered just now.
func (c Client) registered() *client {
	return &client{
		id:       c.ID,
		secret:   c.Secret,
		issuedAt: time.Now(),
		metadata: clientMetadata{
			RedirectURIs:            c.RedirectURIs,
			TokenEndpointAuthMethod: "client_secret_post",
			GrantTypes:              []string{"authorization_code"},
			ResponseTypes:           []string{"code"},
		},
	}
}

// mayRedirectTo reports whether the redirect URI is one of the registered
// ones: character by character (RFC 6749 section 3.1.2.3), save for the port
// of a loopback address, which native apps learn only when they listen (RFC
// 8252 section 7.3).
func (c *client) mayRedirectTo(uri string) bool {
	return slices.ContainsFunc(c.metadata.RedirectURIs, func(registered string) bool {
		return uri == registered || equalButPort(uri, registered)
	})
}

// equalButPort reports whether two loopback redirect URIs differ in nothing
// but the port.
func equalButPort(a, b string) bool {
	a, okA := withoutLoopbackPort(a)
	b, okB := withoutLoopbackPort(b)
	return okA && okB && a == b
}

// withoutLoopbackPort returns the URI without its port, if it is an http URI
// of a loopback address. localhost is a name and not an address, but native
// apps register it all the same.
func withoutLoopbackPort(uri string) (string, bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.User != nil || len(u.Port()) > 5 {
		return "", false
	}
	host := u.Hostname()
	if host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return "", false
	}
	u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	return u.String(), true
}
