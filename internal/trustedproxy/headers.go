package trustedproxy

import (
	"net/http"
	"slices"
	"strings"
)

// class says what becomes of a field of a request.
type class int

const (
	// unreserved is every field that is in no list.
	unreserved class = iota
	// reserved are the fields in which proxies say where a request came from, who sent
	// it and what it asked for. Providers believe them, so clients must not set them
	// (RFC 9700 section 4.13).
	reserved
	// methodOverride makes a server take a request for one with another method.
	methodOverride
	// pathOverride makes a server take a request for one with another target.
	pathOverride
	// variable is a field that a program finds under the name of a variable of its
	// environment, or of PHP's. No proxy sends it.
	variable
)

// exact and prefixes hold the classes of fields by their names in canonical form. In the
// lists, a name that ends in a hyphen stands for all that begin with it.
var exact, prefixes = index(map[class][]string{
	reserved: {
		// The address and the name that the client used.
		"forwarded", "x-forwarded", "x-forwarded-", "x-original-forwarded-for", "x-real-", "x-client-ip", "x-cluster-client-ip", "x-remote-", "x-proxyuser-ip",
		"x-forward-for", "forwarded-for", "forwarded-proto", "x-proxied-https", "cluster-client-ip", "proxy-client-ip", "wl-proxy-", "do-connecting-ip", "incap-client-ip", "x-vercel-forwarded-for", "x-nf-client-connection-ip", "cloudfront-viewer-address", "cloudfront-forwarded-proto",
		"true-client-ip", "client-ip", "cf-connecting-", "cf-visitor", "cf-pseudo-ipv4", "fastly-client-ip", "fly-client-ip", "x-azure-", "x-envoy-", "x-appengine-",
		"x-host", "x-original-host", "x-http-host-override", "x-url-scheme", "x-scheme", "front-end-https",
		// The certificate of the client, and who it is.
		"client-cert", "client-cert-", "x-client-cert", "x-client-cert-", "x-client-certificate", "x-client-certificate-", "x-client-verify", "x-client-dn", "x-client-s-dn", "x-clientcert", "proxy-auth-cert", "proxy-ssl-id", "proxy-ip", "proxy-keysize", "ms-aspnetcore-", "x-ssl-", "ssl-", "x-tls-", "x-arr-", "x-amzn-mtls-", "cf-client-cert-",
		"remote-", "x-auth-request-", "x-authenticated-", "x-webauth-", "x-ms-client-principal", "x-ms-client-principal-", "x-goog-authenticated-user-", "x-goog-iap-jwt-assertion", "x-amzn-oidc-",
		"x-authentik-", "x-consumer-", "x-credential-identifier", "x-anonymous-consumer", "x-pomerium-", "x-vouch-", "x-ms-token-", "x-endpoint-api-userinfo", "x-apigateway-api-userinfo", "cf-access-authenticated-", "tailscale-user-",
		"oidc-claim-", "shib-", "x-shib-", "iv-user", "iv-groups", "iv-creds", "sm-user", "sm_user", "oam-remote-user", "oam_remote_user",
		// All of these, of the plug-in for WebSphere.
		"$wsat", "$wscc", "$wscs", "$wsis", "$wspc", "$wspr", "$wsra", "$wsrh", "$wsru", "$wssc", "$wssi", "$wssn", "$wssp",
		// What a trace carries along. A server takes it for its own callers' and passes it
		// on to every server behind it; jaeger-debug-id makes it record the trace.
		"baggage", "baggage-", "correlation-context", "ot-baggage-", "sw8-correlation", "uberctx-", "jaeger-baggage", "jaeger-debug-id",
		// Where the server finds files.
		"x-sendfile-type", "x-accel-", "x-script-name",
	},
	methodOverride: {"x-http-method", "x-http-method-override", "x-method-override", "x-original-method"},
	pathOverride:   {"x-original-url", "x-original-uri", "x-original-path", "x-rewrite-url", "x-rewrite-uri", "x-envoy-original-path"},
	variable: {
		"proxy", // as HTTP_PROXY, where CGI programs find the proxy for their own requests
		// PHP libraries that know fields without HTTP_ at the front read the client's id and
		// secret there, before those in the form.
		"php-auth-",
	},
})

func index(lists map[class][]string) (exact, prefixes map[string]class) {
	exact, prefixes = map[string]class{}, map[string]class{}
	for c, names := range lists {
		for _, name := range names {
			if canonical := http.CanonicalHeaderKey(name); strings.HasSuffix(name, "-") {
				prefixes[canonical] = c
			} else {
				exact[canonical] = c
			}
		}
	}
	return exact, prefixes
}

// classOf returns the class of a field, its name in canonical form.
func classOf(name string) class {
	if c, ok := exact[name]; ok {
		return c
	}
	for i := 0; i < len(name); i++ {
		if name[i] == '-' {
			if c, ok := prefixes[name[:i+1]]; ok {
				return c
			}
		}
	}
	return unreserved
}

// removeReserved removes from the header of a request to the provider the fields that
// the client may not set. In is the request that was received: the fields of a trusted
// proxy stay.
//
// An override stays only where it cannot undo what the gateway has checked, because
// proxies pass on the fields that they do not know: one of the target if it names the
// target that was received, and one of the method at POST, because other methods pass at
// fronted endpoints as well.
//
// Servers that hand fields to programs as CGI does (RFC 3875 section 4.1.18) read
// X_Real_Ip as X-Real-Ip, and some programs ask for HTTP_X_Real_Ip. Such spellings are
// removed also if a trusted proxy sends them, and so are variables.
func (p Proxies) removeReserved(header http.Header, in *http.Request) {
	trusted := p.TrustsPeer(in)
	for name, values := range header {
		keep := true
		switch classOf(name) {
		case unreserved:
			keep = classOf(plainName(name)) == unreserved
		case reserved:
			keep = trusted
		case methodOverride:
			keep = trusted && in.Method == http.MethodPost
		case pathOverride:
			keep = trusted && repeatsTarget(values, in)
		case variable:
			keep = false
		}
		if !keep {
			delete(header, name)
		}
	}
}

// IsOverride reports whether a field, its name in canonical form, overrides the method
// or the target of a request.
func IsOverride(name string) bool {
	for _, n := range []string{name, plainName(name)} {
		if c := classOf(n); c == methodOverride || c == pathOverride {
			return true
		}
	}
	return false
}

// plainName returns the name as which CGI programs know a field, with hyphens and
// without HTTP_ at the front, in canonical form.
func plainName(name string) string {
	odd := func(c rune) bool {
		return c != '-' && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && !('0' <= c && c <= '9')
	}
	if !strings.ContainsFunc(name, odd) && !strings.HasPrefix(name, "Http-") {
		return name
	}
	plain := strings.Map(func(c rune) rune {
		if odd(c) {
			return '-'
		}
		return c
	}, name)
	return http.CanonicalHeaderKey(strings.TrimPrefix(http.CanonicalHeaderKey(plain), "Http-"))
}

// repeatsTarget reports whether each value is the target of a request, alone or behind
// a scheme and an authority.
func repeatsTarget(values []string, in *http.Request) bool {
	return !slices.ContainsFunc(values, func(v string) bool {
		if _, rest, ok := strings.Cut(v, "://"); ok {
			v = strings.TrimLeft(rest, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:[]-_")
		}
		return v != in.RequestURI
	})
}
