package trustedproxy

import (
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
)

// SetForwarded writes X-Forwarded-For, -Host and -Proto of a request to the provider: those
// in the received header with the proxy's address added, if the proxy is trusted, or else
// what the connection shows. It removes the other fields that the client must not set.
func (p Proxies) SetForwarded(r *httputil.ProxyRequest, received http.Header) {
	out := r.Out.Header
	for _, name := range []string{fieldFor, fieldHost, fieldProto, "Forwarded"} {
		out.Del(name)
	}
	p.removeReserved(out, r.In)
	r.SetXForwarded()
	ip := peer(r.In)
	if !ip.IsValid() {
		out.Del(fieldFor) // the client chooses the name of its end
	}
	if !p.Trusts(ip) {
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
