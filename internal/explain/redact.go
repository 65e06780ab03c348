package explain

import (
	"regexp"
	"strings"

	"oauthgw/clientauth"
)

// redacted replaces a secret.
var redacted = clientauth.Secret{}.String()

// publicParameters are well-known parameters, and whether their values are known not to be
// secrets. The value of any other parameter may be one.
var publicParameters = map[string]bool{
	"grant_type": true, "client_id": true, "redirect_uri": true, "scope": true,
	"resource": true, "audience": true, "response_type": true,
	"token_type_hint": true, "code_challenge_method": true, "client_assertion_type": true,
	"requested_token_type": true, "subject_token_type": true, "actor_token_type": true,

	"client_secret": false, "client_assertion": false, "assertion": false,
	"code": false, "code_verifier": false, "device_code": false,
	"refresh_token": false, "token": false, "subject_token": false, "actor_token": false,
	"username": false, "password": false,
}

// word matches names of the form that the standards use for parameters.
var word = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// redactParameter redacts a parameter. The name may be a secret as well, in a body that only
// claims to be a form: JSON or a token parses as a name without a value, and base64 as one
// whose value is an equals sign.
func redactParameter(name string, value clientauth.Secret) (shownName, shownValue string) {
	open, known := publicParameters[name]
	if !known && (value.IsZero() || !word.MatchString(name)) {
		name = redacted
	}
	switch {
	case value.IsZero():
		return name, ""
	case name == "client_id":
		return name, value.Reveal() // as in the log
	case name == "scope":
		return name, redactScope(value.Reveal())
	case open:
		return name, redactURL(value.Reveal())
	}
	return name, value.String()
}

var (
	// userPrefix matches what is in front of the user information of a URL. Some parsers
	// accept any number of slashes, in either direction.
	userPrefix = regexp.MustCompile(`^(?i:[a-z][a-z0-9+.-]*:)?[/\\]*`)
	// queryStart matches where the query or the fragment of a URL begins, also in a URL
	// that is encoded again. Some clients write & without a ?, and session IDs follow a
	// semicolon.
	queryStart = regexp.MustCompile(`(?i)[?#&;]|%(25)*(3f|23|26|3b)`)
	// disguised matches what may decode to an @ or to one of those: escapes of other
	// kinds, and characters such as the fullwidth @.
	disguised = regexp.MustCompile(`(?i)%(25)*(40|5c|u|[89a-f])|\\[ux]|&(#|commat;)|[^\x00-\x7f]`)
)

// redactScope redacts a scope, a list whose members may be URLs. In other values a space does
// not end a URL: it may be a + that the client did not encode.
func redactScope(value string) string {
	words := strings.Split(value, " ")
	for i, word := range words {
		words[i] = redactURL(word)
	}
	return strings.Join(words, " ")
}

// redactURL removes the user information, query and fragment of the URL in a value, where
// clients may keep secrets. User information may contain the characters of queryStart, so it
// ends at the last @, and a value in which an @ may be disguised is redacted as a whole.
func redactURL(word string) string {
	begin, at := len(userPrefix.FindString(word)), strings.LastIndex(word, "@")
	switch {
	case disguised.MatchString(word), begin == 0 && at > 0 && strings.ContainsAny(word[:at], `:/\`):
		return redacted
	case begin > 0 && at >= begin: // unlike user@example.com
		word = word[:begin] + redacted + word[at:]
	}
	if cut := queryStart.FindStringIndex(word); cut != nil {
		word = word[:cut[1]] + redacted
	}
	return word
}

// publicFields are the header fields whose values are known not to be secrets. Any other may
// contain one, such as Authorization, Cookie, DPoP, or a Referer with a code.
var publicFields = map[string]bool{
	"Accept": true, "Accept-Charset": true, "Accept-Encoding": true, "Accept-Language": true,
	"Cache-Control": true, "Content-Type": true, "Date": true, "Pragma": true,
	"User-Agent": true, "Via": true,
	"X-Forwarded-For": true, "X-Forwarded-Proto": true,
}

// redactField redacts the value of a field with a canonical name.
func redactField(name, value string) string {
	switch {
	case name == "Origin", name == "X-Forwarded-Host": // a client may write a URL
		return redactURL(value)
	case publicFields[name]:
		return value
	}
	return redacted
}
