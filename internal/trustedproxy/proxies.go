// Package trustedproxy says where a request came from, as far as the proxies on its
// way are trusted, and passes that on.
//
// Proxies tell it in X-Forwarded-For, X-Forwarded-Host and X-Forwarded-Proto, and
// anyone can write those, so they count only from proxies that are trusted. The
// Forwarded field (RFC 7239) is neither read nor passed on: a proxy that writes the
// one leaves the other as a client sent it, and there is no telling which is which.
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

// UnixSocket stands for every peer on a Unix socket, among the entries of [Parse].
const UnixSocket = "unix"

// Proxies are those whose word on where a request came from is taken. The zero
// value is nobody. They are immutable.
type Proxies struct {
	networks []netip.Prefix
	unix     bool
	host     bool // their X-Forwarded-Host counts
}

// Parse returns the proxies of a list: addresses, networks as CIDR writes them, and
// unix for whoever connects to a Unix socket. The error names the first entry that
// is none of these, or that is everybody: then any client could name any address.
//
// Host says that they write X-Forwarded-Host themselves. A proxy that does not passes
// on what the client wrote there.
func Parse(entries []string, host bool) (Proxies, error) {
	p := Proxies{host: host}
	for _, entry := range entries {
		if entry == UnixSocket {
			p.unix = true
			continue
		}
		network, ok := parseNetwork(entry)
		if !ok {
			return Proxies{}, fmt.Errorf("%q is none", entry)
		}
		p.networks = append(p.networks, network)
	}
	return p, nil
}

func parseNetwork(entry string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(entry); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	network, err := netip.ParsePrefix(entry)
	// No address is looked up as IPv4 within IPv6, so such a network would hold none.
	return network.Masked(), err == nil && network.Bits() > 0 && !network.Addr().Is4In6()
}

// ClientIP returns the address that a request came from: that of the connection or,
// where that is a trusted proxy's, the rightmost in X-Forwarded-For that is not.
// What stands left of it a client may have written. An element that is no address
// ends the search, and the last proxy that was found is the source; if all are
// trusted, it is the first of them. The zero Addr is a Unix socket's, or that of a
// connection without an address.
func (p Proxies) ClientIP(r *http.Request) netip.Addr {
	source, unix := peer(r)
	if !p.trusts(source, unix) {
		return source
	}
	for _, field := range slices.Backward(r.Header[fieldFor]) {
		for more := true; more; {
			var element string
			field, element, more = cutLast(field)
			addr, ok := parseElement(element)
			if !ok {
				return source
			}
			source = addr
			if !p.trusts(source, false) {
				return source
			}
		}
	}
	return source
}

// RateLimitKey returns the source of a request where that can be a single client. The
// zero Addr means that it stands for many: a Unix socket's other end, an address of
// this host, or a trusted proxy that does not say for whom it asks.
func (p Proxies) RateLimitKey(r *http.Request) netip.Addr {
	source := p.ClientIP(r)
	if source.IsLoopback() || p.trusts(source, false) {
		return netip.Addr{}
	}
	return source
}

// SetForwarded writes into a request to the provider where it came from: for whom, to
// which host, by which scheme. What a trusted proxy says of that is kept, and the
// proxy added; from anyone else it is what the connection shows. It also removes the
// other fields that the client may not set. Came is the header that the request came
// with.
func (p Proxies) SetForwarded(r *httputil.ProxyRequest, came http.Header) {
	out := r.Out.Header
	for _, name := range []string{fieldFor, fieldHost, fieldProto, "Forwarded"} {
		out.Del(name)
	}
	p.removeReserved(out, r.In)
	r.SetXForwarded()
	addr, unix := peer(r.In)
	if unix {
		out.Del(fieldFor) // the other end may have any name it likes
	}
	if !p.trusts(addr, unix) {
		return
	}
	if chain := slices.Concat(came[fieldFor], out[fieldFor]); len(chain) > 0 {
		out.Set(fieldFor, strings.Join(chain, ", "))
	}
	p.keep(out, came, fieldProto)
	if p.host {
		p.keep(out, came, fieldHost)
	}
}

// keep takes over what a trusted proxy says in a field.
func (p Proxies) keep(out, came http.Header, name string) {
	if said := came[name]; len(said) > 0 {
		out[name] = slices.Clone(said)
	}
}

// Trusts reports whether a proxy at an address is trusted. The zero Addr stands for
// a Unix socket.
func (p Proxies) Trusts(addr netip.Addr) bool { return p.trusts(addr, !addr.IsValid()) }

// TrustsPeer reports whether the other end of a request's connection is a trusted proxy.
func (p Proxies) TrustsPeer(r *http.Request) bool { return p.trusts(peer(r)) }

func (p Proxies) trusts(addr netip.Addr, unix bool) bool {
	return unix && p.unix || slices.ContainsFunc(p.networks, func(n netip.Prefix) bool {
		return n.Contains(addr.WithZone(""))
	})
}

// peer returns the address at the other end of a connection, and whether that is
// one to a Unix socket, whose other end has none.
func peer(r *http.Request) (addr netip.Addr, unix bool) {
	if _, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); unix {
		return netip.Addr{}, true
	}
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return ap.Addr().Unmap(), false
	}
	return netip.Addr{}, false
}

// cutLast cuts the last element off a list (RFC 9110 section 5.6.1).
func cutLast(list string) (before, last string, found bool) {
	i := strings.LastIndexByte(list, ',')
	return list[:max(i, 0)], strings.Trim(list[i+1:], " \t"), i >= 0
}

// parseElement reads an address of X-Forwarded-For, which has no standard: some
// proxies write a port behind it, and brackets around IPv6.
func parseElement(element string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(element); err == nil {
		return addr.Unmap().WithZone(""), true
	}
	for _, text := range []string{element, element + ":0"} {
		if ap, err := netip.ParseAddrPort(text); err == nil {
			return ap.Addr().Unmap().WithZone(""), true
		}
	}
	return netip.Addr{}, false
}
