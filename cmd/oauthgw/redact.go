package main

import (
	"regexp"

	"oauthgw/clientauth"
)

// redacted stands in the place of a secret.
var redacted = clientauth.Secret{}.String()

// parameters are well-known parameters, and whether their value is known to be
// no secret. The value of any other parameter may be one.
var parameters = map[string]bool{
	"grant_type": true, "client_id": true, "redirect_uri": true, "scope": true,
	"resource": true, "audience": true, "response_type": true,
	"token_type_hint": true, "code_challenge_method": true, "client_assertion_type": true,
	"requested_token_type": true, "subject_token_type": true, "actor_token_type": true,

	"client_secret": false, "client_assertion": false, "assertion": false,
	"code": false, "code_verifier": false, "device_code": false,
	"refresh_token": false, "token": false, "subject_token": false, "actor_token": false,
	"username": false, "password": false,
}

// word matches a name such as the standards give to parameters.
var word = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// shownParameter returns what may be shown of a parameter. Also the name may be
// a secret, where a body is no form although it says so: JSON or a bare token
// reads as a name without a value, and base64 as one with an equals sign for it.
func shownParameter(name string, value clientauth.Secret) (shownName, shownValue string) {
	open, known := parameters[name]
	if !known && (value.IsZero() || !word.MatchString(name)) {
		name = redacted
	}
	switch {
	case value.IsZero():
		return name, ""
	case open:
		return name, value.Reveal()
	}
	return name, value.String()
}

// openFields are the header fields whose value is known to be no secret. Any
// other may be one: Authorization, Cookie, DPoP, an API key of some
// middleware, or a Referer with a code in it.
var openFields = map[string]bool{
	"Accept": true, "Accept-Charset": true, "Accept-Encoding": true, "Accept-Language": true,
	"Cache-Control": true, "Content-Type": true, "Date": true, "Origin": true, "Pragma": true,
	"User-Agent": true, "Via": true,
	"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Proto": true,
}

// shownField returns what may be shown of a field, its name in canonical form.
func shownField(name, value string) string {
	if openFields[name] {
		return value
	}
	return redacted
}
