package main

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"oauthgw/internal/authlimit"
	"oauthgw/internal/trustedproxy"
)

// proxies reads which proxies are trusted, and with what.
func (m *mistakes) proxies(c config) trustedproxy.Proxies {
	proxies, err := trustedproxy.Trust(c.TrustedProxies, c.TrustForwardedHost)
	if err != nil {
		m.add("trusted_proxies", "each must be an address, a network such as 10.0.0.0/8 that is not everybody, or unix; %s", err)
	}
	return proxies
}

// failures reads the limits on failed client authentication.
func (m *mistakes) failures(c config) authlimit.Config {
	f := c.ClientAuth.Failures
	if f.Burst < 0 {
		m.add("client_auth.failures.burst", "must not be negative; 0 lets any number pass")
	}
	if f.AddressBurst < 0 {
		m.add("client_auth.failures.address_burst", "must not be negative; 0 lets any number pass")
	}
	return authlimit.Config{Burst: f.Burst, AddressBurst: f.AddressBurst, Interval: m.positive("client_auth.failures.interval", f.Interval)}
}

// untrustedProxy returns the entry that trusted_proxies lacks so that failures can
// be limited at an address of the form of the listen key. It is empty if they can
// be, or need not be. All connections to a loopback address or a Unix socket come
// from this host, so only a trusted proxy can say which client a request is from.
func (s settings) untrustedProxy(listen string) string {
	if s.failures.Burst <= 0 && s.failures.AddressBurst <= 0 {
		return ""
	}
	if strings.HasPrefix(listen, unixPrefix) {
		if s.proxies.Trusts(netip.Addr{}) {
			return ""
		}
		return trustedproxy.UnixSocket
	}
	host, _, _ := net.SplitHostPort(listen) // compile has read it
	addresses := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	if !strings.EqualFold(host, "localhost") {
		address, err := netip.ParseAddr(host)
		if err != nil || !address.Unmap().IsLoopback() {
			return ""
		}
		if address = address.Unmap(); address.Is4() {
			address = addresses[0] // from which all connections to any in 127.0.0.0/8 come
		}
		addresses = []netip.Addr{address}
	}
	if slices.ContainsFunc(addresses, s.proxies.Trusts) {
		return ""
	}
	return addresses[0].String()
}

// warnings returns what a valid configuration probably gets wrong.
func (s settings) warnings() (found []string) {
	if entry := s.untrustedProxy(s.listen); entry != "" {
		found = append(found, "client_auth.failures: has no effect, because all connections to "+s.listen+" come from this host; "+
			"if the proxy in front of it sets X-Forwarded-For, set trusted_proxies: ["+entry+"]")
	}
	if isDevice(s.auditFile) {
		found = append(found, "audit.file: "+s.auditFile+" is neither a regular file nor a pipe, so records may be lost; name a file, a pipe, or - for standard output")
	}
	return found
}
