package doctor

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
	"oauthgw/internal/wwwauth"
)

// lapses are rules of answers that clients of the one kind or the other stumble
// over, whoever was read.
var lapses = []rule{shape, success, unauthorized, challenge, storage}

// shape asks for an error that clients can read (RFC 6749 section 5.2).
func shape(_ clientauth.Endpoint, a answer) complaint {
	mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch {
	case a.status < 300:
		return complaint{}
	case !a.object:
		return complaint{Problem, fmt.Sprintf("(status %d) is no JSON object, so clients report that it cannot be read, and not what is wrong (RFC 6749 section 5.2).", a.status), "Answer with an error in JSON."}
	case a.code == "":
		return complaint{Problem, fmt.Sprintf("(status %d) has no member error, so clients report that it cannot be read, and not what is wrong (RFC 6749 section 5.2).", a.status), "Answer with an error in the form of RFC 6749."}
	case mediaType != "application/json":
		return complaint{Warning, "has the Content-Type " + printable.Quote(a.header.Get("Content-Type")) + " and not application/json, so some clients do not read the error.", "Answer as application/json."}
	}
	return complaint{}
}

// success asks for a status that clients do not take for success.
func success(name clientauth.Endpoint, a answer) complaint {
	switch {
	case a.status >= 300:
		return complaint{}
	case name == clientauth.Revocation:
		return complaint{Note, fmt.Sprintf("has status %d, although the client does not exist: the endpoint authenticates nobody (RFC 7009 section 2.1).", a.status), "Nothing, if any client may revoke any token that it knows."}
	}
	return complaint{Problem, fmt.Sprintf("has status %d, although the client does not exist. Clients take that for success and fail on the missing access_token (RFC 6749 section 5.2).", a.status), "Answer with status 401 and invalid_client."}
}

// unauthorized asks for 401 to a client that used the Authorization field (RFC 6749
// section 5.2). To others it may be 400.
func unauthorized(_ clientauth.Endpoint, a answer) complaint {
	if a.code != clientauth.CodeInvalidClient || a.status == http.StatusUnauthorized || a.status < 300 || a.method != clientauth.Basic {
		return complaint{}
	}
	return complaint{Warning, fmt.Sprintf("is invalid_client with status %d. It has to be 401 (RFC 6749 section 5.2), at which clients learn that their credentials are wrong.", a.status), "Answer with 401; oauthgw does."}
}

// challenge asks for what a 401 must have (RFC 9110 section 15.5.2), of the
// scheme that the client used (RFC 6749 section 5.2).
func challenge(_ clientauth.Endpoint, a answer) complaint {
	fields := a.header.Values("Www-Authenticate")
	switch {
	case a.status != http.StatusUnauthorized:
		return complaint{}
	case len(fields) == 0:
		return complaint{Warning, "is a 401 without WWW-Authenticate, which it must have (RFC 9110 section 15.5.2).", "Add the challenge; oauthgw does."}
	case a.method == clientauth.Basic && !wwwauth.Offers(fields, "Basic"):
		return complaint{Warning, "is a 401 that does not challenge for Basic, although the client used it (RFC 6749 section 5.2).", "Add a challenge for Basic; oauthgw does."}
	}
	return complaint{}
}

// storage asks that no cache keeps tokens (RFC 6749 section 5.1).
func storage(name clientauth.Endpoint, a answer) complaint {
	if name != clientauth.Token || strings.Contains(strings.ToLower(strings.Join(a.header.Values("Cache-Control"), ",")), "no-store") {
		return complaint{}
	}
	return complaint{Warning, "lacks Cache-Control: no-store. If tokens come without it as well, caches may keep them (RFC 6749 section 5.1).", "Add it to every answer; oauthgw does."}
}
