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
	"true-client-ip", "client-ip", "cf-connecting-", "cf-visitor", "cf-pseudo-ipv4", "fastly-client-ip", "fly-client-ip", "x-azure-", "x-envoy-", "x-appengine-",
	"x-host", "x-original-host", "x-http-host-override", "x-url-scheme", "x-scheme", "front-end-https",
	// The certificate of the client, and who it is.
	"client-cert", "client-cert-", "x-client-cert", "x-client-cert-", "x-client-verify", "x-client-dn", "x-ssl-", "ssl-", "x-tls-", "x-arr-", "x-amzn-mtls-", "cf-client-cert-",
	"remote-user", "x-auth-request-", "x-authenticated-", "x-webauth-", "x-ms-client-principal", "x-ms-client-principal-", "x-goog-authenticated-user-", "x-goog-iap-jwt-assertion", "x-amzn-oidc-",
	// Where the server finds files.
	"x-sendfile-type", "x-accel-", "x-script-name",
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
// X_Real_Ip as X-Real-Ip. Such spellings are removed whoever sends them.
func (p Proxies) removeReserved(header http.Header, in *http.Request) {
	trusted := p.trusts(peer(in))
	for name, values := range header {
		plain := plainName(name)
		switch {
		case plain != strings.ToLower(name) && (isReserved(plain) || IsOverride(name)),
			isReserved(plain) && !trusted,
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

func isReserved(plain string) bool {
	return slices.ContainsFunc(reserved, func(r string) bool {
		return plain == r || strings.HasSuffix(r, "-") && strings.HasPrefix(plain, r)
	})
}

// plainName returns the name as which CGI programs know a field, with hyphens.
func plainName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'A' <= c && c <= 'Z':
			return c - 'A' + 'a'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			return c
		}
		return '-'
	}, name)
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
