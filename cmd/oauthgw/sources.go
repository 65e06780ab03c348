package main

import "oauthgw/internal/forwarded"

// proxies reads whose word on where a request came from is taken.
func (m *mistakes) proxies(entries []string) forwarded.Proxies {
	proxies, err := forwarded.Trust(entries)
	if err != nil {
		m.add("trusted_proxies", "each must be an address, a network such as 10.0.0.0/8 that is not everybody, or unix; %s", err)
	}
	return proxies
}
