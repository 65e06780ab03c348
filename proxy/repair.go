package proxy

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/repair"
)

// step is one repair of responses. It returns the repaired response, and false if there is
// nothing to repair.
type step struct {
	name   string
	at     []clientauth.Endpoint // empty: every endpoint
	apply  func(*exchange, response) (response, bool)
	wanted func(repair.Replies) bool // by the operator; nil: always
}

var (
	atToken        = []clientauth.Endpoint{clientauth.Token}
	atRegistration = []clientauth.Endpoint{clientauth.Registration}
	atBoth         = []clientauth.Endpoint{clientauth.Token, clientauth.Registration}
)

// steps are in the order in which they are applied: each sees what the former ones repaired.
var steps = []step{
	{"byte_order_mark", nil, dropByteOrderMark, nil},
	{"replies.form_to_json", atToken, replaceForm, func(r repair.Replies) bool { return r.FormToJSON }},
	{"status", atToken, repairTokenStatus, nil},
	{"status", atRegistration, repairRegistrationStatus, nil},
	{"replies.error_in_200", nil, repairErrorStatus, func(r repair.Replies) bool { return r.ErrorIn200 }},
	{"replies.invalid_grant", atToken, replaceError, func(r repair.Replies) bool { return len(r.InvalidGrant) > 0 }},
	{"replies.token_type", atToken, addTokenType, func(r repair.Replies) bool { return r.TokenType != "" }},
	{"replies.numbers", nil, repairNumbers, func(r repair.Replies) bool { return r.Numbers }},
	{"null", atBoth, dropNulls, nil},
	{"empty", atToken, dropEmptyTokens, nil},
	{"empty", atRegistration, dropEmptyMetadata, nil},
	{"replies.scope_list", atBoth, joinScopes, func(r repair.Replies) bool { return r.ScopeList }},
	{"replies.redirect_uris", atRegistration, addRedirectURIs, func(r repair.Replies) bool { return r.RedirectURIs }},
	{"scope", atToken, addScope, nil},
	{"media_type", nil, repairMediaType, nil},
}

// repair returns a response in the form that its standard requires, if its meaning is certain
// or the operator says what it is. Nothing makes an error a success, or adds a token. A body
// that is not one JSON object, or that holds a member twice, stays, and so does one whose media
// type is that of another format.
func (x *exchange) repair(r response) response {
	for _, s := range steps {
		if len(s.at) > 0 && !slices.Contains(s.at, x.Endpoint) {
			continue
		}
		switch repaired, changed := s.apply(x, r); {
		case !changed:
		case s.wanted != nil && !s.wanted(x.Replies):
			x.suggested = append(x.suggested, s.name)
		default:
			if repaired.mediaType != r.mediaType {
				r.header.Set("Content-Type", repaired.mediaType)
			}
			r = repaired
			x.repaired(s.name)
			dropDigests(r.header)
		}
	}
	return r
}

// vagueTypes matches the media types that providers send with JSON by mistake.
var vagueTypes = regexp.MustCompile(`^(?:|text/[a-z0-9.+-]+|application/(?:x-javascript|octet-stream|xml))$`)

// isJSONType reports whether a media type is that of JSON, or has its suffix (RFC 6839 section
// 3.1).
func isJSONType(mediaType string) bool {
	return strings.HasSuffix(mediaType, "/json") || strings.HasSuffix(mediaType, "+json")
}

// mayBeJSON reports whether the media type of a response does not say that it is another format.
func (r response) mayBeJSON() bool {
	return isJSONType(r.mediaType) || vagueTypes.MatchString(r.mediaType)
}

// isObject reports whether a response is one JSON object that may be repaired.
func (r response) isObject() bool { return r.err == nil && r.mayBeJSON() }

// isSuccess reports whether a response is an object as a success has it, with the member that
// its endpoint requires as a text.
func (x *exchange) isSuccess(r response) bool {
	return (r.status == http.StatusOK || r.status == http.StatusCreated) && r.isObject() && repair.IsText(r.object.Get(successMembers[x.Endpoint]))
}

// change changes the object of a success. Change returns false if there is nothing to change.
func (x *exchange) change(r response, change func(jsonobject.Object) (jsonobject.Object, bool)) (response, bool) {
	if !x.isSuccess(r) {
		return r, false
	}
	object, changed := change(r.object)
	if changed {
		r = r.with(object)
	}
	return r, changed
}

// drop removes members of a success.
func (x *exchange) drop(r response, match func(jsonobject.Member) bool) (response, bool) {
	return x.change(r, func(o jsonobject.Object) (jsonobject.Object, bool) { return repair.Without(o, match) })
}

// with returns a response with another object as its body.
func (r response) with(o jsonobject.Object) response {
	r.object, r.body = o, o.Encode()
	return r
}

// dropByteOrderMark removes the byte order mark in front of an object, which JSON must not
// have (RFC 8259 section 8.1).
func dropByteOrderMark(_ *exchange, r response) (response, bool) {
	rest, marked := bytes.CutPrefix(r.body, []byte("\ufeff"))
	if !marked {
		return r, false
	}
	r.body = rest
	r.parse()
	return r, r.isObject()
}

// repairTokenStatus makes a 201 with a token a 200 (RFC 6749 section 5.1).
func repairTokenStatus(x *exchange, r response) (response, bool) {
	changed := r.status == http.StatusCreated && x.isSuccess(r)
	if changed {
		r.status = http.StatusOK
	}
	return r, changed
}

// repairRegistrationStatus makes a 200 with a new client a 201 (RFC 7591 section 3.2.1).
func repairRegistrationStatus(x *exchange, r response) (response, bool) {
	changed := x.r.Method == http.MethodPost && r.status == http.StatusOK && x.isSuccess(r)
	if changed {
		r.status = http.StatusCreated
	}
	return r, changed
}

// dropNulls removes the members of a success that are null, which clients may not expect: they
// are absent (RFC 6749 section 5.1, RFC 7591 section 3.2.1).
func dropNulls(x *exchange, r response) (response, bool) {
	return x.drop(r, func(m jsonobject.Member) bool { return string(m.Value) == "null" })
}

// dropEmptyTokens removes tokens that are "" (RFC 6749 section A.17).
func dropEmptyTokens(x *exchange, r response) (response, bool) {
	return x.drop(r, func(m jsonobject.Member) bool {
		return string(m.Value) == `""` && (m.Name == "refresh_token" || m.Name == "id_token")
	})
}

// urlMembers are the members of client information that are URLs or words and never "" (RFC
// 7591 section 2, OpenID Connect Registration section 2). Language tags may follow the name.
var urlMembers = []string{"client_uri", "logo_uri", "jwks_uri", "tos_uri", "policy_uri", "initiate_login_uri", "sector_identifier_uri", memberClientURI, memberMethod}

// dropEmptyMetadata removes members of client information that are "" where a URL must be, and
// the secret of a public client.
func dropEmptyMetadata(x *exchange, r response) (response, bool) {
	method := clientauth.Method(r.object.Text(memberMethod))
	if method == "" {
		method = x.credentials.Method
	}
	return x.drop(r, func(m jsonobject.Member) bool {
		name, _, _ := strings.Cut(m.Name, "#")
		return string(m.Value) == `""` && (slices.Contains(urlMembers, name) || name == memberSecret && method == clientauth.None)
	})
}

// repairMediaType names JSON what is JSON under a vague media type. RFC 6749 sections 5.1 and
// 5.2, RFC 7662 section 2.2 and RFC 7591 section 3.2.1 require the type.
func repairMediaType(x *exchange, r response) (response, bool) {
	isResponse := x.Endpoint != clientauth.Token || repair.IsText(r.object.Get("access_token")) || repair.IsText(r.object.Get("error"))
	changed := r.isObject() && !isJSONType(r.mediaType) && isResponse
	if changed {
		r.mediaType = jsonMediaType
	}
	return r, changed
}

// addScope adds the scope that the gateway asked for, because the client takes a response without
// one as that which it asked for itself (RFC 6749 section 5.1).
func addScope(x *exchange, r response) (response, bool) {
	return x.change(r, func(o jsonobject.Object) (jsonobject.Object, bool) {
		if x.scope == "" || o.Get(memberScope) != nil {
			return o, false
		}
		return o.With(memberScope, x.scope), true
	})
}
