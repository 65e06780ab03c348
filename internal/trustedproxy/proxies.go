// Package trustedproxy finds the client's address behind trusted proxies, and writes the
// X-Forwarded fields for the provider.
//
// Anyone can write X-Forwarded-For, -Host and -Proto, so they count only from trusted
// proxies. The Forwarded field (RFC 7239) is neither read nor passed on: a proxy that writes
// the one leaves the other as a client sent it.
package trustedproxy

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"
)

const (
	fieldFor   = "X-Forwarded-For"
	fieldHost  = "X-Forwarded-Host"
	fieldProto = "X-Forwarded-Proto"
)

// UnixSocket is the entry of [Parse] for every peer on a Unix socket.
const UnixSocket = "unix"

// Proxies are the trusted proxies. The zero value trusts none. They are immutable.
type Proxies struct {
	networks []netip.Prefix
	unix     bool
	host     bool // trust their X-Forwarded-Host
}

// Parse returns the proxies of a list of addresses, networks in CIDR notation, and
// [UnixSocket]. The error names the first invalid entry. A network of all addresses is
// invalid, because any client could then claim any address.
//
// Host says that the proxies write X-Forwarded-Host themselves. A proxy that does not passes
// on the client's.
func Parse(entries []string, host bool) (Proxies, error) {
	p := Proxies{host: host}
	for _, entry := range entries {
		network, ok := parseNetwork(entry)
		switch {
		case entry == UnixSocket:
			p.unix = true
		case ok:
			p.networks = append(p.networks, network)
		default:
			return Proxies{}, fmt.Errorf("%q is not one", entry)
		}
	}
	return p, nil
}

func parseNetwork(entry string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(entry); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	network, err := netip.ParsePrefix(entry)
	// Addresses are unmapped before they are looked up, so an IPv4-mapped network matches none.
	return network.Masked(), err == nil && network.Bits() > 0 && !network.Addr().Is4In6()
}

// ClientIP returns the address that a request came from. That is the peer's address or, if
// the peer is a trusted proxy, the rightmost address in X-Forwarded-For that is not a trusted
// proxy's: anything left of it may come from the client. An invalid element ends the search
// at the last proxy. The zero Addr stands for a Unix socket or an unknown address.
func (p Proxies) ClientIP(r *http.Request) netip.Addr {
	ip, unix := peer(r)
	if !p.trusts(ip, unix) {
		return ip
	}
	list := strings.Join(r.Header[fieldFor], ",")
	for more := true; more; {
		comma := strings.LastIndexByte(list, ',')
		previous, ok := parseElement(strings.Trim(list[comma+1:], " \t"))
		if !ok {
			return ip
		}
		if ip = previous; !p.trusts(ip, false) {
			return ip
		}
		more, list = comma >= 0, list[:max(comma, 0)]
	}
	return ip
}

// RateLimitKey returns the client's address if it can belong to a single client. The zero
// Addr means that many clients share it: a Unix socket, a loopback address, or a trusted
// proxy that names no client.
func (p Proxies) RateLimitKey(r *http.Request) netip.Addr {
	ip := p.ClientIP(r)
	if ip.IsLoopback() || p.trusts(ip, false) {
		return netip.Addr{}
	}
	return ip
}

// SetForwarded writes X-Forwarded-For, -Host and -Proto of a request to the provider. The
// values of a trusted proxy are kept, with its address added to X-Forwarded-For. Otherwise
// they describe the connection. It removes the other fields that the client must not set.
// Received is the header of the received request.
func (p Proxies) SetForwarded(r *httputil.ProxyRequest, received http.Header) {
	out := r.Out.Header
	for _, name := range []string{fieldFor, fieldHost, fieldProto, "Forwarded"} {
		out.Del(name)
	}
	p.removeReserved(out, r.In)
	r.SetXForwarded()
	ip, unix := peer(r.In)
	if unix {
		out.Del(fieldFor) // the client chooses the name of its end
	}
	if !p.trusts(ip, unix) {
		return
	}
	if chain := slices.Concat(received[fieldFor], out[fieldFor]); len(chain) > 0 {
		out.Set(fieldFor, strings.Join(chain, ", "))
	}
	for name, trusted := range map[string]bool{fieldProto: true, fieldHost: p.host} {
		if values := received[name]; trusted && len(values) > 0 {
			out[name] = slices.Clone(values)
		}
	}
}

// Trusts reports whether a proxy at an address is trusted. The zero Addr stands for a Unix
// socket.
func (p Proxies) Trusts(ip netip.Addr) bool { return p.trusts(ip, !ip.IsValid()) }

// TrustsPeer reports whether a request's connection comes from a trusted proxy.
func (p Proxies) TrustsPeer(r *http.Request) bool { return p.trusts(peer(r)) }

func (p Proxies) trusts(ip netip.Addr, unix bool) bool {
	return unix && p.unix || slices.ContainsFunc(p.networks, func(n netip.Prefix) bool {
		return n.Contains(ip.WithZone(""))
	})
}

// peer returns the address of the other end of a connection, or reports a Unix socket, whose
// other end has none.
func peer(r *http.Request) (ip netip.Addr, unix bool) {
	if _, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); unix {
		return netip.Addr{}, true
	}
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap(), false
	}
	return netip.Addr{}, false
}

// parseElement parses an address of X-Forwarded-For, which has no standard: some proxies add
// a port, and brackets around IPv6.
func parseElement(element string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(element); err == nil {
		return ip.Unmap().WithZone(""), true
	}
	for _, text := range []string{element, element + ":0"} {
		if ap, err := netip.ParseAddrPort(text); err == nil {
			return ap.Addr().Unmap().WithZone(""), true
		}
	}
	return netip.Addr{}, false
}
