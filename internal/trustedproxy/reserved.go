package trustedproxy

import (
	"net/http"
	"slices"
	"strings"
)

// class is what a header field of a request means to providers.
type class int

const (
	unreserved class = iota
	// reserved fields say where a request came from, which user or client sent it and what its target was.
	// Providers trust them, so clients must not set them (RFC 9700 section 4.13).
	reserved
	// These make a server read another method or target than the one received.
	methodOverride
	pathOverride
	// variable fields collide with a variable of CGI or PHP. No proxy sends them.
	variable
)

// classes are the classes of fields by their canonical names. A name that ends in a hyphen
// stands for all that begin with it.
var classes = canonical(map[class][]string{
	reserved: {
		// The client's address, and the host and scheme that it used.
		"forwarded", "x-forwarded", "x-forwarded-", "x-original-forwarded-for", "x-real-", "x-client-ip", "x-cluster-client-ip", "x-remote-", "x-proxyuser-ip",
		"x-forward-for", "forwarded-for", "forwarded-proto", "x-proxied-https", "cluster-client-ip", "proxy-client-ip", "wl-proxy-", "do-connecting-ip", "incap-client-ip", "x-vercel-forwarded-for", "x-nf-client-connection-ip", "cloudfront-viewer-address", "cloudfront-forwarded-proto",
		"true-client-ip", "client-ip", "cf-connecting-", "cf-visitor", "cf-pseudo-ipv4", "fastly-client-ip", "fly-client-ip", "x-azure-", "x-envoy-", "x-appengine-",
		"x-host", "x-original-host", "x-http-host-override", "x-url-scheme", "x-scheme", "front-end-https",
		// The client's certificate, and the user.
		"client-cert", "client-cert-", "x-client-cert", "x-client-cert-", "x-client-certificate", "x-client-certificate-", "x-client-verify", "x-client-dn", "x-client-s-dn", "x-clientcert", "proxy-auth-cert", "proxy-ssl-id", "proxy-ip", "proxy-keysize", "ms-aspnetcore-", "x-ssl-", "ssl-", "x-tls-", "x-arr-", "x-amzn-mtls-", "cf-client-cert-",
		"remote-", "x-auth-request-", "x-authenticated-", "x-webauth-", "x-ms-client-principal", "x-ms-client-principal-", "x-goog-authenticated-user-", "x-goog-iap-jwt-assertion", "x-amzn-oidc-",
		"x-authentik-", "x-consumer-", "x-credential-identifier", "x-anonymous-consumer", "x-pomerium-", "x-vouch-", "x-ms-token-", "x-endpoint-api-userinfo", "x-apigateway-api-userinfo", "cf-access-authenticated-", "tailscale-user-",
		"oidc-claim-", "shib-", "x-shib-", "iv-user", "iv-groups", "iv-creds", "sm-user", "sm_user", "oam-remote-user", "oam_remote_user",
		"$wsat", "$wscc", "$wscs", "$wsis", "$wspc", "$wspr", "$wsra", "$wsrh", "$wsru", "$wssc", "$wssi", "$wssn", "$wssp",
		// Trace baggage, which servers pass on, and what makes them record a trace.
		"baggage", "baggage-", "correlation-context", "ot-baggage-", "sw8-correlation", "uberctx-", "jaeger-baggage", "jaeger-debug-id",
		// Paths of files.
		"x-sendfile-type", "x-accel-", "x-script-name",
	},
	methodOverride: {"x-http-method", "x-http-method-override", "x-method-override", "x-original-method"},
	pathOverride:   {"x-original-url", "x-original-uri", "x-original-path", "x-rewrite-url", "x-rewrite-uri", "x-envoy-original-path"},
	variable: {
		"proxy",     // CGI programs read HTTP_PROXY as the proxy for their own requests
		"php-auth-", // PHP libraries read the client's id and secret there, instead of in the form
	},
})

func canonical(lists map[class][]string) map[string]class {
	classes := map[string]class{}
	for c, names := range lists {
		for _, name := range names {
			classes[http.CanonicalHeaderKey(name)] = c
		}
	}
	return classes
}

// classOf returns the class of a canonical name.
func classOf(name string) class {
	c := classes[name]
	for i := 0; c == unreserved && i < len(name); i++ {
		if name[i] == '-' {
			c = classes[name[:i+1]]
		}
	}
	return c
}

// removeReserved removes the fields that the client must not set. The fields of a trusted
// proxy stay, except that proxies relay overrides that they do not know: one of the target
// stays only if it names the target that was received, and one of the method only at POST,
// because other methods pass at fronted endpoints as well. Spellings that only CGI programs
// read as a reserved field are always removed.
func (p Proxies) removeReserved(header http.Header, in *http.Request) {
	trusted := p.TrustsPeer(in)
	for name, values := range header {
		keep := false
		switch classOf(name) {
		case unreserved:
			keep = classOf(cgiName(name)) == unreserved
		case reserved:
			keep = trusted
		case methodOverride:
			keep = trusted && in.Method == http.MethodPost
		case pathOverride:
			keep = trusted && repeatsTarget(values, in)
		}
		if !keep {
			delete(header, name)
		}
	}
}

// IsOverride reports whether a field, its name in canonical form, overrides the method or
// the target of a request.
func IsOverride(name string) bool {
	isOverride := func(c class) bool { return c == methodOverride || c == pathOverride }
	return isOverride(classOf(name)) || isOverride(classOf(cgiName(name)))
}

// cgiName returns the canonical name of the field that CGI programs take this one for (RFC
// 3875 section 4.1.18): other characters count as hyphens, and HTTP_ in front does not count.
func cgiName(name string) string {
	name = strings.Map(func(c rune) rune {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			return c
		}
		return '-'
	}, name)
	return http.CanonicalHeaderKey(strings.TrimPrefix(http.CanonicalHeaderKey(name), "Http-"))
}

// repeatsTarget reports whether each value is the target of a request, alone or after a
// scheme and an authority.
func repeatsTarget(values []string, in *http.Request) bool {
	return !slices.ContainsFunc(values, func(v string) bool {
		if _, rest, ok := strings.Cut(v, "://"); ok {
			v = strings.TrimLeft(rest, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:[]-_")
		}
		return v != in.RequestURI
	})
}
