package proxy

import (
	"cmp"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/repair"
)

func add(o jsonobject.Object, name string, value any, has bool) (jsonobject.Object, bool) {
	if has {
		return o, false
	}
	return o.With(name, value), true
}

// addTokenType adds the type of a token (RFC 6749 section 5.1). It never replaces one: a token
// that is bound to a key is no Bearer token.
func addTokenType(x *exchange, o jsonobject.Object) (jsonobject.Object, bool) {
	return add(o, "token_type", x.Replies.TokenType, !repair.IsEmpty(o.Get("token_type")))
}

// addRedirectURIs adds the redirect URIs that the client has registered (RFC 7591 section 3.2.1).
func addRedirectURIs(x *exchange, o jsonobject.Object) (jsonobject.Object, bool) {
	return add(o, memberRedirects, x.redirectURIs, repair.IsEmpty(x.redirectURIs) || o.Get(memberRedirects) != nil)
}

// addScope adds the scope that the gateway asked for. Without one, the client would assume the
// scope that it asked for itself (RFC 6749 section 5.1).
func addScope(x *exchange, o jsonobject.Object) (jsonobject.Object, bool) {
	return add(o, memberScope, x.scope, x.scope == "" || o.Get(memberScope) != nil)
}

// numbers are integer members (RFC 6749 section 5.1, RFC 8628 section 3.2, RFC 7591 section 3.2.1).
var numbers = map[clientauth.Endpoint][]string{
	clientauth.Token:               {"expires_in"},
	clientauth.DeviceAuthorization: {"expires_in", "interval"},
	clientauth.Registration:        {memberIssued, memberSecretExpires},
}

func repairNumbers(x *exchange, o jsonobject.Object) (jsonobject.Object, bool) {
	return repair.Numbers(o, numbers[x.Endpoint]...)
}

func joinScopes(_ *exchange, o jsonobject.Object) (jsonobject.Object, bool) {
	return repair.ScopeList(o)
}

// dropNulls removes null members: they are absent (RFC 6749 section 5.1, RFC 7591 section 3.2.1).
func dropNulls(_ *exchange, o jsonobject.Object) (jsonobject.Object, bool) {
	out := o.WithoutNulls()
	return out, out.Len() < o.Len()
}

// neverEmpty are the members whose value cannot be "": tokens (RFC 6749 section A.17), and URLs
// and words of client information (RFC 7591 section 2). A language tag may follow their names.
var neverEmpty = map[clientauth.Endpoint][]string{
	clientauth.Token: {"refresh_token", "id_token"},
	clientauth.Registration: {"client_uri", "logo_uri", "jwks_uri", "tos_uri", "policy_uri", "initiate_login_uri",
		"sector_identifier_uri", memberClientURI, memberMethod},
}

// dropEmpty removes members that are "" and cannot be, and the secret of a public client.
func dropEmpty(x *exchange, o jsonobject.Object) (jsonobject.Object, bool) {
	out := o.Without(func(m jsonobject.Member) bool {
		name, _, _ := strings.Cut(m.Name, "#")
		isSecret := name == memberSecret && cmp.Or(clientauth.Method(o.Text(memberMethod)), x.credentials.Method) == clientauth.None
		return string(m.Value) == `""` && (slices.Contains(neverEmpty[x.Endpoint], name) || isSecret)
	})
	return out, out.Len() < o.Len()
}
