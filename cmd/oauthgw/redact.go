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
	case name == "scope":
		return name, shownScope(value.Reveal())
	case open:
		return name, shownURL(value.Reveal())
	}
	return name, value.String()
}

var (
	// beforeUser matches what stands in front of the user of a URL. Some readers take
	// any number of slashes, in either direction.
	beforeUser = regexp.MustCompile(`^(?i:[a-z][a-z0-9+.-]*:)?[/\\]*`)
	// behindPath matches where the query or the fragment of a URL begins, also in a
	// URL that is encoded once more. Some clients write & without a ?, and sessions
	// stand behind a semicolon.
	behindPath = regexp.MustCompile(`(?i)[?#&;]|%(25)*(3f|23|26|3b)`)
	// disguised matches what a further decoding may turn into an @ or into one of
	// those: escapes of other kinds, and characters such as the fullwidth @.
	disguised = regexp.MustCompile(`(?i)%(25)*(40|5c|u|[89a-f])|\\[ux]|&(#|commat;)|[^\x00-\x7f]`)
)

// shownScope returns a scope, a list whose members may be URLs. In no other value a
// space ends a URL: it may be a + that the client did not encode.
func shownScope(value string) string {
	words := strings.Split(value, " ")
	for i, word := range words {
		words[i] = shownURL(word)
	}
	return strings.Join(words, " ")
}

// shownURL returns a value that is no secret itself, without the user information,
// query and fragment of the URL in it: clients may keep secrets there. User
// information may hold the characters of behindPath, so it ends at the last @, and
// nothing of a value is shown where an @ may be disguised.
func shownURL(word string) string {
	begin, at := len(beforeUser.FindString(word)), strings.LastIndex(word, "@")
	switch {
	case disguised.MatchString(word), begin == 0 && at > 0 && strings.ContainsAny(word[:at], `:/\`):
		return redacted
	case begin > 0 && at >= begin: // unlike user@example.com
		word = word[:begin] + redacted + word[at:]
	}
	if cut := behindPath.FindStringIndex(word); cut != nil {
		word = word[:cut[1]] + redacted
	}
	return word
}

// openFields are the header fields whose value is known to be no secret. Any
// other may be one: Authorization, Cookie, DPoP, an API key of some
// middleware, or a Referer with a code in it.
var openFields = map[string]bool{
	"Accept": true, "Accept-Charset": true, "Accept-Encoding": true, "Accept-Language": true,
	"Cache-Control": true, "Content-Type": true, "Date": true, "Pragma": true,
	"User-Agent": true, "Via": true,
	"X-Forwarded-For": true, "X-Forwarded-Proto": true,
}

// shownField returns what may be shown of a field, its name in canonical form.
func shownField(name, value string) string {
	switch {
	case name == "Origin", name == "X-Forwarded-Host": // a client may write a URL
		return shownURL(value)
	case openFields[name]:
		return value
	}
	return redacted
}
