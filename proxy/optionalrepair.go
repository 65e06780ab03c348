package proxy

import (
	"net/http"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/repair"
)

const jsonMediaType = "application/json"

// replaceForm makes a response in form encoding an object (RFC 6749 sections 5.1 and 5.2).
func replaceForm(_ *exchange, r response) (response, bool) {
	if r.mediaType != formMediaType && r.mediaType != "text/plain" && r.mediaType != "" {
		return r, false
	}
	object, changed := repair.FormToJSON(r.body)
	if changed {
		r = r.with(object)
		r.mediaType, r.err = jsonMediaType, nil
	}
	return r, changed
}

// repairErrorStatus gives a 200 that is an error the status of an error (RFC 6749 section 5.2).
// An introspection response and client information may hold an error of another meaning.
func repairErrorStatus(x *exchange, r response) (response, bool) {
	member := successMembers[x.Endpoint]
	switch {
	case x.Endpoint == clientauth.Introspection, x.Endpoint == clientauth.Registration, member == "",
		r.status != http.StatusOK, !r.isObject(), !repair.IsText(r.object.Get("error")),
		!repair.IsEmpty(r.object.Get(member)), !repair.IsEmpty(r.object.Get("access_token")):
		return r, false
	}
	r.status = http.StatusBadRequest
	// A 401 has a challenge (RFC 9110 section 15.5.2).
	challenged := x.Challenge == ChallengeAlways || x.credentials.Method == clientauth.Basic
	if challenged && r.object.Text("error") == clientauth.CodeInvalidClient {
		r.status = http.StatusUnauthorized
	}
	return r, true
}

// replaceError makes an error invalid_grant if the operator says that the provider sends it to a
// refresh token that is no longer valid (RFC 6749 section 5.2).
func replaceError(x *exchange, r response) (response, bool) {
	if !x.refreshes || r.status < http.StatusBadRequest || !r.isObject() {
		return r, false
	}
	code := r.object.Text("error")
	isExact := r.status == http.StatusBadRequest && code == codeInvalidGrant
	if isExact || !x.Replies.IsInvalidGrant(r.status, code) {
		return r, false
	}
	// It may also be the provider's response to a wrong secret, which counts all the same.
	if x.outcome = r.outcome(x.Endpoint); r.mayReject() && x.outcome == outcomeUnclear {
		x.recordFailure()
	}
	r.status = http.StatusBadRequest
	return r.with(r.object.With("error", codeInvalidGrant)), true
}

const codeInvalidGrant = "invalid_grant"

// addTokenType adds the type of a token (RFC 6749 section 5.1). It never replaces one: a token
// that is bound to a key is no Bearer token.
func addTokenType(x *exchange, r response) (response, bool) {
	return x.change(r, func(o jsonobject.Object) (jsonobject.Object, bool) {
		if !repair.IsEmpty(o.Get("token_type")) {
			return o, false
		}
		return o.With("token_type", x.Replies.TokenType), true
	})
}

// numberMembers are the members of successes that are integers (RFC 6749 section 5.1, RFC 8628
// section 3.2, RFC 7591 section 3.2.1).
var numberMembers = map[clientauth.Endpoint][]string{
	clientauth.Token:               {"expires_in"},
	clientauth.DeviceAuthorization: {"expires_in", "interval"},
	clientauth.Registration:        {memberIssued, memberSecretExpires},
}

func repairNumbers(x *exchange, r response) (response, bool) {
	return x.change(r, func(o jsonobject.Object) (jsonobject.Object, bool) {
		return repair.Numbers(o, numberMembers[x.Endpoint]...)
	})
}

func joinScopes(x *exchange, r response) (response, bool) { return x.change(r, repair.ScopeList) }

// addRedirectURIs adds the redirect URIs that the client has registered (RFC 7591 section 3.2.1).
func addRedirectURIs(x *exchange, r response) (response, bool) {
	return x.change(r, func(o jsonobject.Object) (jsonobject.Object, bool) {
		if len(x.redirectURIs) == 0 || x.redirectURIs[0] != '[' || o.Get(memberRedirects) != nil {
			return o, false
		}
		return o.With(memberRedirects, x.redirectURIs), true
	})
}
