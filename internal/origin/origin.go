// Package origin compares the origins of URLs (RFC 6454 section 4) and moves URLs from one
// origin to another without changing anything after the origin.
package origin

import (
	"cmp"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Of returns the origin of an absolute http or https URL, or nil if text is not one.
func Of(text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}

// Same reports whether two URLs have the same scheme, host and port. Nil has no origin.
func Same(u, v *url.URL) bool {
	return u != nil && v != nil && u.Scheme == v.Scheme &&
		strings.EqualFold(u.Hostname(), v.Hostname()) && port(u) == port(v)
}

// HasHost reports whether a Host field names the host of a URL. A field without a port names
// every port, because some proxies drop it.
func HasHost(u *url.URL, field string) bool {
	host := url.URL{Scheme: u.Scheme, Host: field}
	return strings.EqualFold(u.Hostname(), host.Hostname()) && (host.Port() == "" || port(u) == host.Port())
}

var defaultPorts = map[string]string{"https": "443", "http": "80"}

func port(u *url.URL) string { return cmp.Or(u.Port(), defaultPorts[u.Scheme]) }

var (
	// name matches a host name of ASCII as browsers send it.
	name = regexp.MustCompile(`^([a-z0-9_-]+\.)*[a-z0-9_-]+\.?$`)
	// numeric matches a host that browsers read as an IPv4 address, or reject.
	numeric = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)\.?$`)
	// prefix matches the scheme and the authority of an absolute URL.
	prefix = regexp.MustCompile(`^[^:]+://[^/?#]*`)
)

// Serialize returns an origin as browsers send it (RFC 6454 section 6.2): in lower case and
// without the default port. It is empty if the host or port is invalid, or if browsers spell
// the host in a way that is not derived here.
func Serialize(u *url.URL) string {
	number, err := strconv.ParseUint(port(u), 10, 16)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	address, err := netip.ParseAddr(host)
	switch {
	case err != nil && (!name.MatchString(host) || numeric.MatchString(host)), address.Zone() != "", address.Is4In6():
		return ""
	case address.Is6():
		host = "[" + address.String() + "]"
	}
	if p := strconv.FormatUint(number, 10); p != defaultPorts[u.Scheme] {
		host += ":" + p
	}
	return u.Scheme + "://" + host
}

// IsConfidential reports whether requests to a URL cannot be read on the way.
func IsConfidential(u *url.URL) bool {
	address, _ := netip.ParseAddr(u.Hostname()) // the zero Addr is not loopback
	return u.Scheme == "https" || u.Hostname() == "localhost" || address.IsLoopback()
}

// Map moves URLs to the origin at which clients reach them. The zero Map moves nothing.
type Map struct {
	From []*url.URL // the origins to move from; nil entries are ignored
	To   *url.URL   // the origin to move to; nil: no move
	// AnyScheme also moves URLs whose origin differs from one of those in the scheme only, if To
	// is https: a provider behind TLS termination may name http.
	AnyScheme bool
}

// Move returns the URL at its new origin, and whether the result is at that origin. A URL of
// any other origin, or already there, stays byte for byte.
func (m Map) Move(text string) (string, bool) {
	u := Of(text)
	switch {
	case m.To == nil || u == nil:
		return text, false
	case Same(u, m.To):
		return text, true
	case !slices.ContainsFunc(append(slices.Clip(m.From), m.To), func(from *url.URL) bool {
		return Same(u, from) || m.AnyScheme && m.To.Scheme == "https" && from != nil && strings.EqualFold(u.Host, from.Host)
	}):
		return text, false
	}
	return prefix.ReplaceAllLiteralString(text, m.To.Scheme+"://"+m.To.Host), true
}
