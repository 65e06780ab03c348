package main

import (
	"regexp"
	"strings"

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
	case name == "client_id":
		return name, value.Reveal() // as in the log
	case open:
		return name, shownURLs(value.Reveal())
	}
	return name, value.String()
}

var (
	// beforeUser matches what stands in front of the user of a URL. Some readers take
	// any number of slashes, in either direction.
	beforeUser = regexp.MustCompile(`^(?i:[a-z][a-z0-9+.-]*:)?[/\\]*`)
	// behindPath matches where the query or the fragment of a URL begins, also in a
	// URL that is encoded once more.
	behindPath = regexp.MustCompile(`(?i)[?#]|%(25)*(3f|23)`)
	// encodedAt matches an @ that a further decoding brings.
	encodedAt = regexp.MustCompile(`%(25)*40`)
)

// shownURLs returns a value that is no secret itself, without the user information,
// queries and fragments of the URLs in it: clients may keep secrets there.
func shownURLs(value string) string {
	words := strings.Split(value, " ") // scope is a list
	for i, word := range words {
		words[i] = shownURL(word)
	}
	return strings.Join(words, " ")
}

// shownURL does so for one word. It redacts too much of a path with an @ in it.
func shownURL(word string) string {
	if at := behindPath.FindStringIndex(word); at != nil {
		word = word[:at[1]] + redacted
	}
	begin, at := len(beforeUser.FindString(word)), strings.LastIndex(word, "@")
	switch {
	case encodedAt.MatchString(word):
		return redacted
	case at < begin:
		return word
	case begin > 0:
		return word[:begin] + redacted + word[at:]
	case strings.ContainsAny(word[:at], `:/\`):
		return redacted
	}
	return word // user@example.com
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
