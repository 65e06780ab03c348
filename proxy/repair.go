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

const (
	jsonMediaType    = "application/json"
	codeInvalidGrant = "invalid_grant"
)

// step is one repair. It returns the repaired response, or false if there is nothing to repair.
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
	{"status", atBoth, repairStatus, nil},
	{"replies.error_in_200", nil, repairErrorStatus, func(r repair.Replies) bool { return r.ErrorIn200 }},
	{"replies.invalid_grant", atToken, replaceError, nil},
	{"replies.token_type", atToken, ofSuccess(addTokenType), func(r repair.Replies) bool { return r.TokenType != "" }},
	{"replies.numbers", nil, ofSuccess(repairNumbers), func(r repair.Replies) bool { return r.Numbers }},
	{"null", atBoth, ofSuccess(dropNulls), nil},
	{"empty", atBoth, ofSuccess(dropEmpty), nil},
	{"replies.scope_list", atBoth, ofSuccess(joinScopes), func(r repair.Replies) bool { return r.ScopeList }},
	{"replies.redirect_uris", atRegistration, ofSuccess(addRedirectURIs), func(r repair.Replies) bool { return r.RedirectURIs }},
	{"scope", atToken, ofSuccess(addScope), nil},
	{"media_type", nil, repairMediaType, nil},
}

// repair returns a response in the form that its standard requires, if its meaning is certain or
// the operator says what it is. Nothing makes an error a success, or adds a token. A body that is
// not one JSON object, holds a member twice, or has the media type of another format stays.
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
	if r.edited {
		r.body = r.object.Encode()
	}
	return r
}

// vagueTypes matches the media types that providers send with JSON by mistake.
var vagueTypes = regexp.MustCompile(`^(?:|text/[a-z0-9.+-]+|application/(?:x-javascript|octet-stream|xml))$`)

// isJSONType reports whether a media type is that of JSON, or has its suffix (RFC 6839).
func isJSONType(mediaType string) bool {
	return strings.HasSuffix(mediaType, "/json") || strings.HasSuffix(mediaType, "+json")
}

// isObject reports whether a response is one JSON object that may be repaired.
func (r response) isObject() bool {
	return r.err == nil && (isJSONType(r.mediaType) || vagueTypes.MatchString(r.mediaType))
}

// with returns a response with another object, encoded once: it can have 100,000 members.
func (r response) with(o jsonobject.Object) response {
	r.object, r.err, r.edited = o, nil, true
	return r
}

// isSuccess reports whether a response is an object with the required member and no error.
func (x *exchange) isSuccess(r response) bool {
	return (r.status == http.StatusOK || r.status == http.StatusCreated) && r.isObject() &&
		repair.IsText(r.object.Get(successMembers[x.Endpoint])) && repair.IsEmpty(r.object.Get("error"))
}

// ofSuccess returns the repair of a success by one of its object.
func ofSuccess(change func(*exchange, jsonobject.Object) (jsonobject.Object, bool)) func(*exchange, response) (response, bool) {
	return func(x *exchange, r response) (response, bool) {
		if !x.isSuccess(r) {
			return r, false
		}
		object, changed := change(x, r.object)
		if changed {
			r = r.with(object)
		}
		return r, changed
	}
}

// dropByteOrderMark removes a byte order mark, which JSON must not have (RFC 8259 section 8.1).
func dropByteOrderMark(_ *exchange, r response) (response, bool) {
	rest, marked := bytes.CutPrefix(r.body, []byte("\ufeff"))
	if marked {
		r.body = rest
		r.parse()
	}
	return r, marked && r.isObject()
}

// replaceForm makes a response in form encoding an object (RFC 6749 sections 5.1 and 5.2).
func replaceForm(_ *exchange, r response) (response, bool) {
	if r.mediaType != formMediaType && r.mediaType != "text/plain" && r.mediaType != "" {
		return r, false
	}
	object, changed := repair.FormToJSON(r.body)
	if changed {
		r = r.with(object)
		r.mediaType = jsonMediaType
	}
	return r, changed
}

// repairStatus makes a 201 with a token a 200 (RFC 6749 section 5.1), and a 200 with a new client
// a 201 (RFC 7591 section 3.2.1).
func repairStatus(x *exchange, r response) (response, bool) {
	right, wrong := http.StatusOK, http.StatusCreated
	if x.Endpoint == clientauth.Registration {
		right, wrong = wrong, right
	}
	if r.status != wrong || x.r.Method != http.MethodPost || !x.isSuccess(r) {
		return r, false
	}
	r.status = right
	return r, true
}

// repairErrorStatus gives a 200 that is an error the status of an error (RFC 6749 section 5.2).
// In an introspection response and in client information an error may mean something else.
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
	if !x.refreshes || !r.isObject() {
		return r, false
	}
	reply := repair.ErrorReply{Status: r.status, Error: r.object.Text("error")}
	isExact := reply == repair.ErrorReply{Status: http.StatusBadRequest, Error: codeInvalidGrant}
	if isExact || !slices.Contains(x.Replies.InvalidGrant, reply) {
		return r, false
	}
	// It may also be the provider's response to a wrong secret, which counts all the same.
	if x.outcome = r.outcome(x.Endpoint); r.mayReject() && x.outcome == OutcomeUnclear {
		x.recordFailure()
	}
	r.status = http.StatusBadRequest
	return r.with(r.object.With("error", codeInvalidGrant)), true
}

// repairMediaType sets the media type of an object that has a vague one. RFC 6749 sections 5.1 and
// 5.2, RFC 7662 section 2.2 and RFC 7591 section 3.2.1 require the type.
func repairMediaType(x *exchange, r response) (response, bool) {
	isResponse := x.Endpoint != clientauth.Token || repair.IsText(r.object.Get("access_token")) || repair.IsText(r.object.Get("error"))
	if isJSONType(r.mediaType) || !r.isObject() || !isResponse {
		return r, false
	}
	r.mediaType = jsonMediaType
	return r, true
}
