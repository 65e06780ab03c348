package doctor

import (
	"fmt"
	"mime"
	"net/http"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
	"oauthgw/internal/wwwauth"
	"oauthgw/wellknown"
)

// violation is what is wrong with an answer. The problem continues the words "The
// answer".
type violation struct {
	severity     wellknown.Severity
	problem, fix string
}

// failures returns the violation of an answer that does not show whether the credentials
// were read.
func failures(a answer) []violation {
	switch {
	case a.err != nil:
		return []violation{{wellknown.Problem, "did not arrive: " + printable.Quote(a.err.Error()) + ".", "Let the endpoint answer."}}
	case a.status >= 500:
		return []violation{{wellknown.Problem, fmt.Sprintf("has status %d: the server fails for a client that it does not know.", a.status), "Find out why in the server's log."}}
	case a.status >= 300 && a.status < 400:
		return []violation{{wellknown.Problem, fmt.Sprintf("is a redirect (status %d), which clients do not follow, or follow with a GET.", a.status), "Name the target of the redirect in the metadata, and answer there."}}
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusGone:
		return []violation{{wellknown.Problem, fmt.Sprintf("has status %d: the endpoint is not where the metadata says.", a.status), "Correct the URL in the metadata, or let it lead to the provider."}}
	case a.status == http.StatusTooManyRequests:
		return []violation{{wellknown.Note, "has status 429, which does not show how credentials are read.", "Try again later."}}
	}
	return nil
}

// violations returns what makes an answer useless for some clients, wherever the
// credentials were read.
func violations(name clientauth.Endpoint, a answer) (all []violation) {
	add := func(s wellknown.Severity, problem, fix string) { all = append(all, violation{s, problem, fix}) }
	usedBasic, challenges := a.method == clientauth.Basic, a.header.Values("Www-Authenticate")
	mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	switch { // RFC 6749 section 5.2, RFC 7009 section 2.1
	case a.status < 300 && name == clientauth.Revocation:
		add(wellknown.Note, fmt.Sprintf("has status %d, although the client does not exist: the endpoint does not authenticate clients (RFC 7009 section 2.1).", a.status), "Nothing, if any client may revoke any token that it knows.")
	case a.status < 300:
		add(wellknown.Problem, fmt.Sprintf("has status %d, although the client does not exist. Clients take that for success and fail because access_token is missing (RFC 6749 section 5.2).", a.status), "Answer with status 401 and invalid_client.")
	case !a.isObject:
		add(wellknown.Problem, fmt.Sprintf("(status %d) is not a JSON object, so clients cannot report the error (RFC 6749 section 5.2).", a.status), "Answer with an error in JSON.")
	case a.code == "":
		add(wellknown.Problem, fmt.Sprintf("(status %d) has no member error, so clients cannot report it (RFC 6749 section 5.2).", a.status), "Answer with an error in the form of RFC 6749.")
	case mediaType != "application/json":
		add(wellknown.Warning, "has the Content-Type "+printable.Quote(a.header.Get("Content-Type"))+" and not application/json, so some clients do not read the error.", "Answer as application/json.")
	}
	switch {
	case usedBasic && a.code == clientauth.CodeInvalidClient && a.status >= 300 && a.status != http.StatusUnauthorized:
		add(wellknown.Warning, fmt.Sprintf("is invalid_client with status %d. It must be 401 (RFC 6749 section 5.2), by which clients recognize that their credentials are wrong.", a.status), "Answer with 401; oauthgw does.")
	case a.status == http.StatusUnauthorized && len(challenges) == 0:
		add(wellknown.Warning, "is a 401 without WWW-Authenticate, which is required (RFC 9110 section 15.5.2).", "Add the challenge; oauthgw does.")
	case a.status == http.StatusUnauthorized && usedBasic && !wwwauth.Offers(challenges, "Basic"):
		add(wellknown.Warning, "is a 401 that does not challenge for Basic, although the client used it (RFC 6749 section 5.2).", "Add a challenge for Basic; oauthgw does.")
	}
	if name == clientauth.Token && !strings.Contains(strings.ToLower(strings.Join(a.header.Values("Cache-Control"), ",")), "no-store") {
		add(wellknown.Warning, "lacks Cache-Control: no-store. If responses with tokens lack it as well, caches may store them (RFC 6749 section 5.1).", "Add it to every response; oauthgw does.")
	}
	return all
}
