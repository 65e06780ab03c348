// Package trustedproxy finds the client's address behind trusted proxies, writes the
// X-Forwarded fields for the provider, and removes the fields that clients must not set.
//
// It removes Forwarded (RFC 7239), which a proxy may leave as a client sent it.
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

// UnixSocket is the entry of [Parse] for every peer on a Unix socket.
const UnixSocket = "unix"

// The header fields in which proxies write the client's address.
const (
	ForwardedFor = "X-Forwarded-For" // a list, to which each proxy appends the address of its peer
	RealIP       = "X-Real-IP"
	ConnectingIP = "CF-Connecting-IP"
)

const fieldHost, fieldProto = "X-Forwarded-Host", "X-Forwarded-Proto"

// Proxies are the trusted proxies. The zero value trusts none. They are immutable.
type Proxies struct {
	networks []netip.Prefix
	unix     bool
	clientIP string // the field with the client's address, in canonical form
	host     bool   // trust their X-Forwarded-Host
}

// Parse returns the proxies of a list of addresses, networks in CIDR notation, and [UnixSocket]. A
// network of all addresses is invalid: any client could claim any address. ClientIP is the field of
// the client's address. Host says that the proxies write X-Forwarded-Host.
func Parse(entries []string, clientIP string, host bool) (Proxies, error) {
	p := Proxies{clientIP: http.CanonicalHeaderKey(clientIP), host: host}
	for _, entry := range entries {
		if entry == UnixSocket {
			p.unix = true
			continue
		}
		network, err := netip.ParsePrefix(entry)
		if addr, addrErr := netip.ParseAddr(entry); addrErr == nil && addr.Zone() == "" {
			network, err = addr.Unmap().Prefix(addr.Unmap().BitLen())
		}
		// Addresses are unmapped before they are looked up, so an IPv4-mapped network matches none.
		if err != nil || network.Bits() == 0 || network.Addr().Is4In6() {
			return Proxies{}, fmt.Errorf("%q is not one", entry)
		}
		p.networks = append(p.networks, network.Masked())
	}
	return p, nil
}

// ClientIP returns the peer's address or, if the peer is a trusted proxy, the address in the
// field that the proxies write. In X-Forwarded-For that is the rightmost one that is not a
// trusted proxy's: anything left of it may come from the client. An invalid element ends the
// search. The zero Addr stands for a Unix socket.
func (p Proxies) ClientIP(r *http.Request) netip.Addr { return p.client(peer(r), r.Header) }

func (p Proxies) client(ip netip.Addr, header http.Header) netip.Addr {
	if !p.Trusts(ip) {
		return ip
	}
	chain := []string{strings.Join(header[p.clientIP], ",")} // a list is not an address
	if p.clientIP == ForwardedFor {
		chain = strings.Split(chain[0], ",")
	}
	for _, element := range slices.Backward(chain) {
		previous := parseElement(strings.Trim(element, " \t"))
		if !previous.IsValid() {
			break
		}
		if ip = previous; !p.Trusts(ip) {
			break
		}
	}
	return ip
}

// RateLimitKey is the address of a client, or zero if many clients share it: loopback, and trusted proxies.
func (p Proxies) RateLimitKey(ip netip.Addr) netip.Addr {
	if ip.IsLoopback() || p.Trusts(ip) {
		return netip.Addr{}
	}
	return ip
}

// Trusts reports whether a proxy at an address, or the zero Addr, is trusted.
func (p Proxies) Trusts(ip netip.Addr) bool {
	return !ip.IsValid() && p.unix ||
		slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(ip.WithZone("")) })
}

// TrustsPeer reports whether a request's connection comes from a trusted proxy.
func (p Proxies) TrustsPeer(r *http.Request) bool { return p.Trusts(peer(r)) }

// Host returns the host that the client requested.
func (p Proxies) Host(r *http.Request) string {
	if forwarded := r.Header.Get(fieldHost); p.host && forwarded != "" && p.TrustsPeer(r) {
		return forwarded
	}
	return r.Host
}

// SetForwarded writes X-Forwarded-For, -Host and -Proto of a request to the provider: those
// in the received header with the proxy's address added, if the proxy is trusted, or else
// what the connection shows. Proxies that write the client's address into another field may
// pass on a client's X-Forwarded-For, so it is then made from that address. SetForwarded
// removes the other fields that the client must not set.
func (p Proxies) SetForwarded(r *httputil.ProxyRequest, received http.Header) {
	out := r.Out.Header
	for _, name := range []string{ForwardedFor, fieldHost, fieldProto, "Forwarded"} {
		out.Del(name)
	}
	p.removeReserved(out, r.In)
	r.SetXForwarded()
	ip := peer(r.In)
	if !ip.IsValid() {
		out.Del(ForwardedFor) // the client chooses the address of its end
	}
	if !p.Trusts(ip) {
		return
	}
	chain := received[ForwardedFor]
	if p.clientIP != ForwardedFor {
		chain = nil
		if client := p.client(ip, received); client != ip {
			chain = []string{client.String()}
		}
	}
	if chain = slices.Concat(chain, out[ForwardedFor]); len(chain) > 0 {
		out.Set(ForwardedFor, strings.Join(chain, ", "))
	}
	for name, trusted := range map[string]bool{fieldProto: true, fieldHost: p.host} {
		if values := received[name]; trusted && len(values) > 0 {
			out[name] = slices.Clone(values)
		}
	}
}

// peer returns the address of the other end of a connection. On a Unix socket it has none.
func peer(r *http.Request) netip.Addr {
	if _, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); unix {
		return netip.Addr{}
	}
	address, _ := netip.ParseAddrPort(r.RemoteAddr) // of net/http
	return address.Addr().Unmap()
}

// parseElement parses an address, perhaps with a port and brackets, or returns the zero Addr.
func parseElement(element string) netip.Addr {
	ip, _ := netip.ParseAddr(element)
	for _, text := range []string{element, element + ":0"} {
		if address, err := netip.ParseAddrPort(text); err == nil {
			ip = address.Addr()
		}
	}
	return ip.Unmap().WithZone("")
}
