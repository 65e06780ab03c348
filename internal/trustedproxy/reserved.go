package trustedproxy

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Kinds of request fields that clients must not set.
const (
	origin         = "origin"          // its client, user, host, trace baggage; providers trust them (RFC 9700 section 4.13)
	methodOverride = "method override" // servers read it as the method
	pathOverride   = "path override"   // servers read it as the target
	variable       = "variable"        // of CGI or PHP; no proxy sends it
	requestID      = "request ID"      // the server has replaced that of a client
)

// kinds are the kinds of fields by name, or by the beginning of a name if it ends in a hyphen.
var kinds = func() map[string]string {
	kinds := map[string]string{}
	for kind, names := range map[string]string{
		origin: `
			forwarded x-forwarded x-forwarded- x-original-forwarded-for x-real- x-client-ip x-cluster-client-ip x-remote- x-proxyuser-ip
			x-forward-for forwarded-for forwarded-proto x-proxied-https cluster-client-ip proxy-client-ip wl-proxy- do-connecting-ip
			incap-client-ip x-vercel-forwarded-for x-nf-client-connection-ip cloudfront-viewer-address cloudfront-forwarded-proto
			true-client-ip client-ip cf-connecting- cf-visitor cf-pseudo-ipv4 fastly-client-ip fly-client-ip x-azure- x-envoy- x-appengine-
			x-host x-original-host x-http-host-override x-url-scheme x-scheme front-end-https
			client-cert client-cert- x-client-cert x-client-cert- x-client-certificate x-client-certificate- x-client-verify x-client-dn
			x-client-s-dn x-clientcert proxy-auth-cert proxy-ssl-id proxy-ip proxy-keysize ms-aspnetcore- x-ssl- ssl- x-tls- x-arr- x-amzn-mtls-
			cf-client-cert- remote- x-auth-request- x-authenticated- x-webauth- x-ms-client-principal x-ms-client-principal-
			x-goog-authenticated-user- x-goog-iap-jwt-assertion x-amzn-oidc- x-authentik- x-consumer- x-credential-identifier
			x-anonymous-consumer x-pomerium- x-vouch- x-ms-token- x-endpoint-api-userinfo x-apigateway-api-userinfo
			cf-access-authenticated- tailscale-user- oidc-claim- shib- x-shib- iv-user iv-groups iv-creds sm-user sm_user
			oam-remote-user oam_remote_user $wsat $wscc $wscs $wsis $wspc $wspr $wsra $wsrh $wsru $wssc $wssi $wssn $wssp
			baggage baggage- correlation-context ot-baggage- sw8-correlation uberctx- jaeger-baggage jaeger-debug-id
			x-sendfile-type x-accel- x-script-name`,
		methodOverride: "x-http-method x-http-method-override x-method-override x-original-method",
		pathOverride:   "x-original-url x-original-uri x-original-path x-rewrite-url x-rewrite-uri x-envoy-original-path",
		// HTTP_PROXY is a proxy to CGI programs. PHP-Auth is the client's id and secret to PHP libraries.
		variable:  "proxy php-auth-",
		requestID: "x-request-id",
		"":        "accept accept-encoding accept-language authorization content-length content-type user-agent", // no kind: fields of nearly every request
	} {
		for name := range strings.FieldsSeq(names) {
			kinds[http.CanonicalHeaderKey(name)] = kind
		}
	}
	return kinds
}()

// kindOf returns the kind of a field, its name in canonical form, or "".
func kindOf(name string) string {
	kind, isKnown := kinds[name]
	for i := 0; !isKnown && kind == "" && i < len(name); i++ {
		if name[i] == '-' {
			kind = kinds[name[:i+1]]
		}
	}
	return kind
}

// removeReserved removes the fields that clients must not set. Those of a trusted proxy stay.
// It may relay an override that it does not know, so one of the target stays only if it
// repeats the received one, and one of the method only at POST: fronted endpoints pass
// requests with other methods on. Spellings that only CGI programs read as such a field go.
func (p Proxies) removeReserved(header http.Header, in *http.Request) {
	trusted := p.TrustsPeer(in)
	maps.DeleteFunc(header, func(name string, values []string) bool {
		switch kindOf(name) {
		case "":
			return kindOfSpelling(name) != ""
		case requestID:
			return false
		case origin:
			return !trusted
		case methodOverride:
			return !trusted || in.Method != http.MethodPost
		case pathOverride:
			return !trusted || !repeatsTarget(values, in)
		}
		return true
	})
}

// IsOverride reports whether a field, in canonical form, overrides the method or the target.
func IsOverride(name string) bool {
	kind := cmp.Or(kindOf(name), kindOfSpelling(name))
	return kind == methodOverride || kind == pathOverride
}

// kindOfSpelling returns the kind of the field that CGI programs take a field for, if that is another.
func kindOfSpelling(name string) string {
	if _, isKnown := kinds[name]; isKnown {
		return ""
	}
	if cgi := cgiName(name); cgi != name {
		return kindOf(cgi)
	}
	return ""
}

// cgiName returns the canonical name of the field that CGI programs take this one for (RFC
// 3875 section 4.1.18): other characters count as hyphens, and HTTP_ in front does not count.
func cgiName(name string) string {
	isOwn := !strings.HasPrefix(name, "Http-") && !strings.ContainsFunc(name, func(c rune) bool { return c != '-' && !isAlphanumeric(c) })
	if isOwn {
		return http.CanonicalHeaderKey(name)
	}
	name = strings.Map(func(c rune) rune {
		if isAlphanumeric(c) {
			return c
		}
		return '-'
	}, name)
	return http.CanonicalHeaderKey(strings.TrimPrefix(http.CanonicalHeaderKey(name), "Http-"))
}

func isAlphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// repeatsTarget reports whether each value is the request's target, or a URL that ends with it.
func repeatsTarget(values []string, in *http.Request) bool {
	return !slices.ContainsFunc(values, func(v string) bool {
		if _, rest, ok := strings.Cut(v, "://"); ok {
			v = strings.TrimLeft(rest, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:[]-_")
		}
		return v != in.RequestURI
	})
}
