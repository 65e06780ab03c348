package proxy

import (
	"net/http"
	"regexp"
	"slices"
	"strings"

	"oauthgw/clientauth"
)

// step is one repair of responses. It returns the repaired response, and false if there is
// nothing to repair.
type step struct {
	name  string
	at    []clientauth.Endpoint // empty: every endpoint
	apply func(*exchange, response) (response, bool)
}

// steps are in the order in which they are applied: each sees what the former ones repaired.
var steps = []step{
	{"status", []clientauth.Endpoint{clientauth.Token}, repairTokenStatus},
	{"media_type", nil, repairMediaType},
	{"scope", []clientauth.Endpoint{clientauth.Token}, addScope},
}

// repair returns a response whose meaning is certain in the form that its standard requires.
// Nothing makes an error a success, or adds a token. A body that is not one JSON object, or
// that holds a member twice, stays, and so does one whose media type is that of another format.
func (x *exchange) repair(r response) response {
	for _, s := range steps {
		if len(s.at) > 0 && !slices.Contains(s.at, x.Endpoint) {
			continue
		}
		if repaired, changed := s.apply(x, r); changed {
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

// isObject reports whether a response is one JSON object that may be repaired.
func (r response) isObject() bool {
	return r.err == nil && (isJSONType(r.mediaType) || vagueTypes.MatchString(r.mediaType))
}

// hasToken reports whether a response of the token endpoint is a successful one (RFC 6749
// section 5.1).
func (r response) hasToken() bool { return r.isObject() && isText(r.object.Get("access_token")) }

// isText reports whether a JSON value is a string that is not empty.
func isText(value []byte) bool { return len(value) > 2 && value[0] == '"' }

// repairTokenStatus makes a 201 with a token a 200 (RFC 6749 section 5.1).
func repairTokenStatus(_ *exchange, r response) (response, bool) {
	if r.status != http.StatusCreated || !r.hasToken() {
		return r, false
	}
	r.status = http.StatusOK
	return r, true
}

// repairMediaType names JSON what is JSON under a vague media type. RFC 6749 sections 5.1 and
// 5.2, RFC 7662 section 2.2 and RFC 7591 section 3.2.1 require the type.
func repairMediaType(x *exchange, r response) (response, bool) {
	isResponse := x.Endpoint != clientauth.Token || isText(r.object.Get("access_token")) || isText(r.object.Get("error"))
	if !r.isObject() || isJSONType(r.mediaType) || !isResponse {
		return r, false
	}
	r.header.Set("Content-Type", "application/json")
	r.mediaType = "application/json"
	return r, true
}

// addScope adds the scope that the gateway asked for, because the client takes a response without
// one as that which it asked for itself (RFC 6749 section 5.1).
func addScope(x *exchange, r response) (response, bool) {
	if value := string(r.object.Get(memberScope)); x.scope == "" || !r.hasToken() || value != "" && value != "null" {
		return r, false
	}
	r.object = r.object.With(memberScope, x.scope)
	r.body = r.object.Encode()
	return r, true
}
