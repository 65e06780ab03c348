package config

import (
	"net/url"
	"strings"

	"oauthgw/internal/origin"
)

// upstreamURL returns the provider's origin. Of one behind a Unix socket it is
// the name under which it is asked where no client gave one and public_url does
// not either.
func (m *validator) upstreamURL(c Config) *url.URL {
	if c.Upstream.URL == "" {
		m.addf("upstream.url", "is required: the provider's origin, such as http://127.0.0.1:3000")
		return nil
	}
	if strings.HasPrefix(c.Upstream.URL, socketPrefix) {
		return &url.URL{Scheme: "http", Host: "localhost"}
	}
	u := m.origin("upstream.url", c.Upstream.URL, "http://127.0.0.1:3000")
	// RFC 6749 section 3.2 requires TLS where credentials travel.
	if u != nil && !origin.IsConfidential(u) && !c.Upstream.InsecurePlaintext {
		m.addf("upstream.url", "plain http would carry client secrets to another host; use https, or set upstream.insecure_plaintext")
	}
	return u
}

// upstreamSocket returns the path of the provider's Unix socket. Empty means that
// it has an address.
func (m *validator) upstreamSocket(value string) string {
	path, isUnix := strings.CutPrefix(value, socketPrefix)
	if !isUnix {
		return ""
	}
	if !strings.HasPrefix(path, "/") {
		m.addf("upstream.url", "must name the socket by its whole path, such as unix:/run/provider.sock")
	}
	return path
}

// UpstreamURL names where the provider is, as the configuration does.
func (s Settings) UpstreamURL() string {
	if s.UpstreamSocket != "" {
		return socketPrefix + s.UpstreamSocket
	}
	return s.Upstream.String()
}
