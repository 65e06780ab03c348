package main

import (
	"oauthgw/internal/attempts"
	"oauthgw/internal/forwarded"
)

// proxies reads which proxies are trusted, and with what.
func (m *mistakes) proxies(c config) forwarded.Proxies {
	proxies, err := forwarded.Trust(c.TrustedProxies, c.TrustForwardedHost)
	if err != nil {
		m.add("trusted_proxies", "each must be an address, a network such as 10.0.0.0/8 that is not everybody, or unix; %s", err)
	}
	return proxies
}

// failures reads how often a client may fail to authenticate from one place.
func (m *mistakes) failures(c config) attempts.Config {
	f := c.ClientAuth.Failures
	if f.Burst < 0 {
		m.add("client_auth.failures.burst", "must not be negative; 0 lets any number pass")
	}
	return attempts.Config{Burst: f.Burst, Interval: m.positive("client_auth.failures.interval", f.Interval)}
}
