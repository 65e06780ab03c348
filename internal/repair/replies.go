package repair

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
)

// Replies is what is to be repaired in the provider's responses. The zero value repairs nothing.
type Replies struct {
	Numbers      bool         `yaml:"numbers"`       // [Numbers]
	FormToJSON   bool         `yaml:"form_to_json"`  // [FormToJSON]
	ErrorIn200   bool         `yaml:"error_in_200"`  // a 200 with an error gets the status of an error
	TokenType    string       `yaml:"token_type"`    // of tokens without one; empty: none
	InvalidGrant []ErrorReply `yaml:"invalid_grant"` // to a refresh token that means invalid_grant
	ScopeList    bool         `yaml:"scope_list"`    // [ScopeList]
	RedirectURIs bool         `yaml:"redirect_uris"` // a registration without them gets those of the request
}

// ErrorReply is an error response of the provider.
type ErrorReply struct {
	Status int    `yaml:"status"`
	Error  string `yaml:"error"`
}

// IsText reports whether a JSON value is a string that is not empty.
func IsText(value json.RawMessage) bool { return len(value) > 2 && value[0] == '"' }

// IsEmpty reports whether a JSON value, or its absence, means that a text is absent.
func IsEmpty(value json.RawMessage) bool {
	return value == nil || string(value) == "null" || string(value) == `""`
}

// Numbers makes the members with these names integers if they are decimal strings or integral
// floats (RFC 6749 section 5.1). Any other value stays.
func Numbers(o jsonobject.Object, names ...string) (out jsonobject.Object, changed bool) {
	for _, name := range names {
		if n, ok := integer(o.Get(name)); ok {
			o, changed = o.With(name, json.RawMessage(n)), true
		}
	}
	return o, changed
}

var (
	digits = regexp.MustCompile(`^"[0-9]{1,15}"$`)
	float  = regexp.MustCompile(`^[0-9]+(?:\.[0-9]{1,9}(?:[eE]\+?[0-9]+)?|[eE]\+?[0-9]+)$`) // of which no digit is lost
)

// integer returns the integer that a JSON value stands for, unless it is one. Readers hold 15 digits.
func integer(value json.RawMessage) (string, bool) {
	const limit = 1e15
	switch {
	case digits.Match(value):
		n, err := strconv.ParseUint(string(value[1:len(value)-1]), 10, 64)
		return strconv.FormatUint(n, 10), err == nil
	case float.Match(value):
		f, err := strconv.ParseFloat(string(value), 64)
		return strconv.FormatFloat(f, 'f', 0, 64), err == nil && f < limit && f == float64(int64(f))
	}
	return "", false
}

// formLike matches what form encoders write, and no prose.
var formLike = regexp.MustCompile(`^[A-Za-z0-9._~*%+&=@:/,$!'()-]+$`)

// FormToJSON returns the object of a response in form encoding that has a token or an error
// (RFC 6749 sections 5.1 and 5.2). Its expires_in is a number.
func FormToJSON(body []byte) (o jsonobject.Object, ok bool) {
	text := strings.TrimRight(string(body), "\r\n")
	if !formLike.MatchString(text) {
		return o, false
	}
	form, err := clientauth.ParseForm(text)
	if err != nil || form.Get("access_token") == "" && form.Get("error") == "" {
		return o, false
	}
	for name, value := range form.All() {
		if o.Get(name) != nil {
			return o, false
		}
		o = o.With(name, value.Reveal())
	}
	o, _ = Numbers(o, "expires_in")
	return o, true
}

var scopeToken = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]+$`)

// IsScope reports whether a text is one scope (RFC 6749 section 3.3).
func IsScope(text string) bool { return scopeToken.MatchString(text) }

// ScopeList makes a list of scopes a string (RFC 6749 section 3.3). An empty list stays.
func ScopeList(o jsonobject.Object) (jsonobject.Object, bool) {
	value := o.Get("scope")
	if len(value) == 0 || value[0] != '[' {
		return o, false
	}
	var scopes []string
	if json.Unmarshal(value, &scopes) != nil || len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return !IsScope(s) }) {
		return o, false
	}
	return o.With("scope", strings.Join(scopes, " ")), true
}
