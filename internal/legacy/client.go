package legacy

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// client is a registered client. As in the original it has at most one unredeemed
// authorization and at most one pair of tokens. Provider.mu guards it.
type client struct {
	id                string
	secret            string
	issuedAt          time.Time
	registrationToken string
	metadata          clientMetadata
	authorization     *authorization
	tokens            *tokens
}

// authorization is a user's consent with its code (RFC 6749 section 4.1.2).
type authorization struct {
	code        string
	expiry      time.Time
	redirectURI string
	challenge   string // S256; empty if there was none
	resource    string // empty if there was none
}

// tokens is a pair of tokens.
type tokens struct {
	access        string
	accessExpiry  time.Time
	refresh       string
	refreshExpiry time.Time
	resource      string
}

// Client is a client with a given id and secret. The members are those of RFC 7591 section 2.
type Client struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"`
}

func (c Client) registered() *client {
	return &client{id: c.ID, secret: c.Secret, issuedAt: time.Now(), metadata: clientMetadata{
		RedirectURIs:            c.RedirectURIs,
		TokenEndpointAuthMethod: "client_secret_post",
		GrantTypes:              []string{"authorization_code"},
		ResponseTypes:           []string{"code"},
	}}
}

// mayRedirectTo reports whether the redirect URI is registered. URIs are compared as strings
// (RFC 6749 section 3.1.2.3), but the port of a loopback address may differ, because native
// apps get it when they listen (RFC 8252 section 7.3).
func (c *client) mayRedirectTo(uri string) bool {
	loopback, ok := withoutLoopbackPort(uri)
	return slices.ContainsFunc(c.metadata.RedirectURIs, func(registered string) bool {
		other, otherOK := withoutLoopbackPort(registered)
		return uri == registered || ok && otherOK && loopback == other
	})
}

// withoutLoopbackPort returns an http URI of a loopback address without its port. Native apps
// also register localhost.
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

// newClientID returns a random UUID (RFC 9562 section 5.4).
func newClientID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newSecret returns a client secret, code, refresh token or registration access token. The
// original gives all of them the same form.
func newSecret() string { return "coder_" + rand.Text()[:10] + "_" + (rand.Text() + rand.Text())[:40] }

// newAccessToken returns an access token. In the original it is the key of a session, with a
// form of its own.
func newAccessToken() string { return rand.Text()[:10] + "-" + rand.Text()[:22] }

// equalSecret compares secrets in constant time. No secret equals an empty one.
func equalSecret(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}
