package config

import (
	"net/url"
	"oauthgw/internal/origin"
	"strings"
)

// upstreamURL returns the provider's origin. A provider behind a Unix socket is asked for
// under localhost where neither the client nor public_url names a host.
func (v *validator) upstreamURL(c Config) *url.URL {
	if c.Upstream.URL == "" {
		v.addf("upstream.url", "is required: the provider's origin, such as http://127.0.0.1:3000")
		return nil
	}
	if strings.HasPrefix(c.Upstream.URL, socketPrefix) {
		return &url.URL{Scheme: "http", Host: "localhost"}
	}
	u := v.origin("upstream.url", c.Upstream.URL, "http://127.0.0.1:3000")
	// Credentials need TLS (RFC 6749 section 3.2).
	v.require(u == nil || origin.IsConfidential(u) || c.Upstream.InsecurePlaintext,
		"upstream.url", "plain http would carry client secrets to another host; use https, or set upstream.insecure_plaintext")
	return u
}

// upstreamSocket returns the path of the provider's Unix socket, if it has one.
func (v *validator) upstreamSocket(value string) string {
	path, isUnix := strings.CutPrefix(value, socketPrefix)
	v.require(!isUnix || strings.HasPrefix(path, "/"), "upstream.url", "must name the socket by its whole path, such as unix:/run/provider.sock")
	if !isUnix {
		return ""
	}
	return path
}

// origin parses a URL of scheme and host. Empty is nil.
func (v *validator) origin(key, value, example string) *url.URL {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()) || u.Scheme != "http" && u.Scheme != "https" {
		v.addf(key, "must be an http or https URL, such as %s", example)
		return nil
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		v.addf(key, "must be an origin without user, path, query or fragment, such as %s", example)
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}
