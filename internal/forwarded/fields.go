package forwarded

import (
	"net/http"
	"slices"
	"strings"
)

// reserved are the fields in which proxies say where a request came from, who sent it
// and what it asked for, in lower case. A name that ends in a hyphen stands for all
// that begin with it. Providers believe them, so clients must not set them (RFC 9700
// section 4.13).
var reserved = []string{
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
	// Where the server finds files.
	"x-sendfile-type", "x-accel-", "x-script-name",
}

// variables are fields that a program finds under the name of a variable of its
// environment, or of PHP's. No proxy sends them.
var variables = []string{
	"proxy", // as HTTP_PROXY, where CGI programs find the proxy for their own requests
	// PHP libraries that know fields without HTTP_ at the front read the client's id and
	// secret there, before those in the form.
	"php-auth-",
}

// methodOverrides make a server take a request for one with another method.
var methodOverrides = []string{"x-http-method", "x-http-method-override", "x-method-override", "x-original-method"}

// pathOverrides make a server take a request for one with another target.
var pathOverrides = []string{"x-original-url", "x-original-uri", "x-original-path", "x-rewrite-url", "x-rewrite-uri", "x-envoy-original-path"}

// removeReserved removes from the header of a request to the provider the fields that
// the client may not set. In is the request that was received: the fields of a trusted
// proxy stay.
//
// Methods and targets are overridden for nobody where that could undo what the gateway
// has checked, because proxies pass on the fields that they do not know. An override of
// the target stays if it names the target that was received. An override of the method
// stays at POST: other methods pass at fronted endpoints as well.
//
// Servers that hand fields to programs as CGI does (RFC 3875 section 4.1.18) read
// X_Real_Ip as X-Real-Ip, and some programs ask for HTTP_X_Real_Ip. Such spellings are
// removed whoever sends them, and so are variables.
func (p Proxies) removeReserved(header http.Header, in *http.Request) {
	trusted := p.trusts(peer(in))
	for name, values := range header {
		lower, plain := strings.ToLower(name), plainName(name)
		switch {
		case isIn(variables, plain),
			plain != lower && !isIn(reserved, lower) && (isIn(reserved, plain) || IsOverride(name)),
			(isIn(reserved, plain) || isIn(reserved, lower)) && !trusted,
			slices.Contains(methodOverrides, plain) && !(trusted && in.Method == http.MethodPost),
			slices.Contains(pathOverrides, plain) && !(trusted && repeatsTarget(values, in)):
			delete(header, name)
		}
	}
}

// IsOverride reports whether a field, its name in any case, overrides the method or
// the target of a request.
func IsOverride(name string) bool {
	plain := plainName(name)
	return slices.Contains(methodOverrides, plain) || slices.Contains(pathOverrides, plain)
}

func isIn(list []string, name string) bool {
	return slices.ContainsFunc(list, func(l string) bool {
		return name == l || strings.HasSuffix(l, "-") && strings.HasPrefix(name, l)
	})
}

// plainName returns the name as which CGI programs know a field, with hyphens and
// without HTTP_ at the front.
func plainName(name string) string {
	plain := strings.Map(func(c rune) rune {
		switch {
		case 'A' <= c && c <= 'Z':
			return c - 'A' + 'a'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			return c
		}
		return '-'
	}, name)
	return strings.TrimPrefix(plain, "http-")
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
