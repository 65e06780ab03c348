package explain

import (
	"regexp"
	"strings"

	"oauthgw/clientauth"
)

const redacted = "[redacted]" // as [clientauth.Secret] prints itself

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

var word = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`) // as the standards name parameters

// redactParameter redacts a parameter. The name may be a secret as well, in a body that only
// claims to be a form: JSON or a token parses as a name, base64 perhaps with the value "=".
func redactParameter(name string, value clientauth.Secret) (shownName, shownValue string) {
	public, known := publicParameters[name]
	if !known && (value.IsZero() || !word.MatchString(name)) {
		name = redacted
	}
	switch {
	case value.IsZero():
		return name, ""
	case name == "client_id":
		return name, value.Reveal() // as in the log
	case public:
		return name, redactURL(value.Reveal())
	}
	return name, redacted
}

// userInfo matches what ends the user information of a URL, and characters that may decode to
// an @, a ? or a # in one of many ways.
var userInfo = regexp.MustCompile(`[@%&\\]|[^ -~]`)

// redactURL redacts a value that may be a URL, where clients may keep secrets: as a whole if it
// may have user information, otherwise the query, the fragment and parameters of the path.
func redactURL(value string) string {
	if userInfo.MatchString(value) {
		return redacted
	}
	if cut := strings.IndexAny(value, "?#;"); cut >= 0 {
		return value[:cut+1] + redacted
	}
	return value
}

// publicFields are the header fields whose values are known not to be secrets. Any other may
// contain one, such as Authorization, Cookie, DPoP, or a Referer with a code.
var publicFields = map[string]bool{
	"Accept": true, "Accept-Charset": true, "Accept-Encoding": true, "Accept-Language": true,
	"Cache-Control": true, "Content-Type": true, "Date": true, "Pragma": true,
	"User-Agent": true, "Via": true,
	"X-Forwarded-For": true, "X-Forwarded-Proto": true,
}

func redactField(name, value string) string {
	const basic = "Basic "
	switch {
	case name == "Authorization" && strings.HasPrefix(value, basic):
		return basic + redacted
	case name == "Origin", name == "X-Forwarded-Host": // a client may write a URL
		return redactURL(value)
	case publicFields[name]:
		return value
	}
	return redacted
}
