package doctor

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
	"oauthgw/internal/wwwauth"
	"oauthgw/wellknown"
)

// endpoint is an endpoint at which clients authenticate, and its answers.
type endpoint struct {
	name        clientauth.Endpoint
	url         *url.URL
	basic, post answer
	assertion   answer // zero: the metadata does not list private_key_jwt here
}

func (e endpoint) subject() string { return string(e.name) + " endpoint" }

func checkEndpoints(found *wellknown.Findings, o observation) {
	used, _ := o.used()
	for _, e := range o.endpoints {
		if errors.Is(e.basic.err, errElsewhere) {
			found.Add(wellknown.Note, e.subject(), "It was not tested: it is at "+printable.Quote(e.url.Scheme+"://"+e.url.Host)+", and only "+o.at("")+" is tested.",
				"Run oauthgw doctor with --follow to test it there.")
		} else {
			checkEndpoint(found, used.Metadata, e)
		}
	}
}

// checkEndpoint checks the answers of an endpoint. After a failure it compares them only
// if Basic is the cause: the server fails with it and reads the form.
func checkEndpoint(found *wellknown.Findings, md wellknown.Metadata, e endpoint) {
	basic, post := failures(e, e.basic), failures(e, e.post)
	failed := basic != nil || post != nil
	if !failed {
		basic, post = violations(e, e.basic), violations(e, e.post)
	}
	if !failed || e.basic.status >= 500 && e.post.code == clientauth.CodeInvalidClient {
		checkCredentials(found, md, e)
	}
	for _, f := range basic {
		to := "Basic "
		if slices.Contains(post, f) {
			to = "Basic and to post "
		}
		found.Add(f.Severity, f.Subject, "The answer to "+to+f.Problem, f.Fix)
	}
	for _, f := range post {
		found.AddIf(!slices.Contains(basic, f), f.Severity, f.Subject, "The answer to post "+f.Problem, f.Fix)
	}
	for _, f := range e.rejected() {
		found.AddIf(!slices.Contains(slices.Concat(basic, post), f), f.Severity, f.Subject, "The answer to private_key_jwt "+f.Problem, f.Fix)
	}
}

// reads compares the answers and reports where credentials are read; in neither place if
// that is unclear. If the credentials were read, the unknown client is rejected
// (invalid_client). Otherwise the client is missing, or another check fails.
func reads(basic, post answer) (inBasic, inForm bool) {
	const unknown, invalid = clientauth.CodeInvalidClient, clientauth.CodeInvalidRequest
	switch basicMissing, postMissing := basic.missesClient(), post.missesClient(); {
	case basicMissing != postMissing:
		return postMissing, basicMissing
	case basic.code == post.code:
		return basic.code == unknown, post.code == unknown
	case post.code == unknown, basic.code == invalid:
		return false, true
	}
	return basic.code == unknown || post.code == invalid, false
}

// checkCredentials compares where credentials are read with the listed methods.
func checkCredentials(found *wellknown.Findings, md wellknown.Metadata, e endpoint) {
	listed := md.Strings(wellknown.MethodsMember(e.name))
	basic, post := slices.Contains(listed, string(clientauth.Basic)), slices.Contains(listed, string(clientauth.Post))
	answers := "Basic is answered with " + e.basic.String() + ", the same client in the form with " + e.post.String() + "."
	switch inBasic, inForm := reads(e.basic, e.post); {
	case inForm && !inBasic:
		severity, promise := wellknown.Problem, "The metadata lists client_secret_basic."
		switch {
		case listed == nil:
			promise = "The metadata lists no methods here, which means client_secret_basic (RFC 8414 section 2)."
		case !basic:
			promise = "The metadata does not list client_secret_basic, but it is the default of RFC 6749 and RFC 7591, and many clients use it anyway."
		}
		if listed != nil && !basic && !post {
			severity = wellknown.Note // no client has a secret
		}
		found.Add(severity, e.subject(), "Credentials sent by HTTP Basic (client_secret_basic) are not read, so every client that uses it fails. "+answers+" "+promise,
			"Put oauthgw in front of the provider. If it is there already, let the URL of the "+e.subject()+" lead through it.")
	case inBasic && !inForm:
		severity, promise := wellknown.Note, "The metadata does not list client_secret_post, so clients that follow it use Basic."
		if post {
			severity, promise = wellknown.Problem, "The metadata lists client_secret_post."
		}
		found.Add(severity, e.subject(), "Credentials in the form (client_secret_post) are not read, so every client that sends them there fails. "+answers+" "+promise,
			"If clients need the form, put oauthgw in front of the provider and set upstream.client_auth: client_secret_basic in it. Otherwise let "+wellknown.MethodsMember(e.name)+" list client_secret_basic only.")
	case inBasic && inForm && listed != nil && !basic:
		found.Add(wellknown.Note, e.subject(), "Basic is answered like post, but the metadata does not list client_secret_basic, so clients that follow it do not use Basic. Only a client that exists can show whether it succeeds.",
			"If existing clients can use it, add it to "+wellknown.MethodsMember(e.name)+". oauthgw does, at endpoints that lead through it.")
	case !inBasic && !inForm && e.basic.status >= 300:
		found.Add(wellknown.Note, e.subject(), "The answers do not show whether the credentials were read. "+answers, "Try with a client that exists.")
	}
}

// failures returns what keeps an answer from showing whether the credentials were read.
// The problem continues the words "The answer".
func failures(e endpoint, a answer) (found wellknown.Findings) {
	switch {
	case a.err != nil:
		found.Add(wellknown.Problem, e.subject(), "did not arrive: "+printable.Quote(a.err.Error())+".", "Let the endpoint answer.")
	case a.status >= 500:
		found.Add(wellknown.Problem, e.subject(), fmt.Sprintf("has status %d: the server fails for a client that it does not know.", a.status), "Find out why in the server's log.")
	case a.status >= 300 && a.status < 400:
		found.Add(wellknown.Problem, e.subject(), fmt.Sprintf("is a redirect (status %d), which clients do not follow, or follow with a GET.", a.status), "Name the target of the redirect in the metadata, and answer there.")
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusGone:
		found.Add(wellknown.Problem, e.subject(), fmt.Sprintf("has status %d: the endpoint is not where the metadata says.", a.status), "Correct the URL in the metadata, or let it lead to the provider.")
	case a.status == http.StatusTooManyRequests:
		found.Add(wellknown.Note, e.subject(), "has status 429, which does not show how credentials are read.", "Try again later.")
	}
	return found
}

// violations returns what makes an answer useless for some clients, and what oauthgw would do.
func violations(e endpoint, a answer) (found wellknown.Findings) {
	add := func(s wellknown.Severity, problem, fix string) { found.Add(s, e.subject(), problem, fix) }
	violatedFormat(e, a, add)
	usedBasic, challenges := a.method == clientauth.Basic, a.header.Values("Www-Authenticate")
	switch {
	case usedBasic && a.code == clientauth.CodeInvalidClient && a.status >= 300 && a.status != http.StatusUnauthorized:
		add(wellknown.Warning, fmt.Sprintf("is invalid_client with status %d. It must be 401 (RFC 6749 section 5.2), by which clients recognize that their credentials are wrong.", a.status), "Answer with 401; oauthgw does.")
	case a.status == http.StatusUnauthorized && len(challenges) == 0:
		fix := "Add the challenge."
		if a.code == clientauth.CodeInvalidClient {
			fix = "Add the challenge; oauthgw does."
		}
		add(wellknown.Warning, "is a 401 without WWW-Authenticate, which is required (RFC 9110 section 15.5.2).", fix)
	case a.status == http.StatusUnauthorized && usedBasic && !wwwauth.Offers(challenges, "Basic"):
		add(wellknown.Warning, "is a 401 that does not challenge for Basic, although the client used it (RFC 6749 section 5.2).", "Add a challenge for Basic; oauthgw does.")
	}
	if e.name == clientauth.Token && !strings.Contains(strings.ToLower(strings.Join(a.header.Values("Cache-Control"), ",")), "no-store") {
		add(wellknown.Warning, "lacks Cache-Control: no-store. If responses with tokens lack it as well, caches may store them (RFC 6749 section 5.1).", "Add it to every response; oauthgw does.")
	}
	return found
}

// violatedFormat adds what is wrong with the status and the body of an answer (RFC 6749
// section 5.2, RFC 7009 section 2.1).
func violatedFormat(e endpoint, a answer, add func(s wellknown.Severity, problem, fix string)) {
	contentType, fix := a.header.Get("Content-Type"), "Answer with status 401 and invalid_client."
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch {
	case a.status < 300 && a.code == "" && a.method == clientauth.PrivateKeyJWT:
		add(wellknown.Problem, fmt.Sprintf("has status %d, although the client does not exist and the signature is random. If the server issues tokens without verifying assertions, anyone can authenticate as any client.", a.status),
			"Let the server verify assertions, or remove private_key_jwt from the metadata and reject them.")
	case a.status < 300 && e.name == clientauth.Revocation:
		add(wellknown.Note, fmt.Sprintf("has status %d, although the client does not exist: the endpoint does not authenticate clients (RFC 7009 section 2.1).", a.status), "Nothing, if any client may revoke any token that it knows.")
	case a.status < 300:
		if a.code != "" {
			fix += " In oauthgw set repair.replies.error_in_200."
		}
		add(wellknown.Problem, fmt.Sprintf("has status %d, although the client does not exist. Clients take that for success and fail because access_token is missing (RFC 6749 section 5.2).", a.status), fix)
	case a.code == "" && a.header.Get("Content-Encoding") != "":
		add(wellknown.Problem, "is compressed, although the request does not accept that, so some clients cannot read it (RFC 9110 section 12.5.3).", "Turn off compression there; oauthgw decodes gzip and deflate.")
	case a.code == "":
		add(wellknown.Problem, fmt.Sprintf("(status %d) is not a JSON object with a member error, so clients cannot report the error (RFC 6749 section 5.2).", a.status), "Answer with an error in the form of RFC 6749.")
	case !a.form && mediaType != "application/json":
		fix = "Answer as application/json."
		if mediaType == "" || strings.HasPrefix(mediaType, "text/") {
			fix = "Answer as application/json; oauthgw does."
		}
		add(wellknown.Warning, "has the Content-Type "+printable.Quote(contentType)+" and not application/json, so some clients do not read the error.", fix)
	}
	if a.form {
		fix = "Answer as application/json."
		if e.name == clientauth.Token && slices.Contains([]string{"", "text/plain", "application/x-www-form-urlencoded"}, mediaType) {
			fix += " In oauthgw set repair.replies.form_to_json."
		}
		add(wellknown.Problem, "has the error in a form and not in JSON, so most clients cannot report it, and probably not read tokens either (RFC 6749 sections 5.1 and 5.2).", fix)
	}
	if strings.HasPrefix(string(a.body), byteOrderMark) {
		add(wellknown.Problem, "begins with a byte order mark, at which some clients fail (RFC 8259 section 8.1).", "Leave it out; oauthgw does.")
	}
}
