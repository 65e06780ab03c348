package doctor

import (
	"slices"

	"oauthgw/clientauth"
	"oauthgw/wellknown"
)

// endpoint is an endpoint at which clients authenticate, and its answers.
type endpoint struct {
	name        clientauth.Endpoint
	url         string
	untested    string // the reason, or empty
	fix         string // for it
	basic, post answer
}

func (e endpoint) subject() string { return string(e.name) + " endpoint" }

func checkEndpoints(found *wellknown.Findings, o observation) {
	used, _ := o.used()
	for _, e := range o.endpoints {
		if e.untested != "" {
			found.Add(wellknown.Note, e.subject(), "It was not tested: "+e.untested+".", e.fix)
		} else {
			checkEndpoint(found, used.Metadata, e)
		}
	}
}

// checkEndpoint checks the answers of an endpoint. After a failure they are compared
// only if the server fails with Basic and reads the form, because then Basic is the
// cause.
func checkEndpoint(found *wellknown.Findings, md wellknown.Metadata, e endpoint) {
	basic, post := failures(e.basic), failures(e.post)
	failed := basic != nil || post != nil
	if !failed {
		basic, post = violations(e.name, e.basic), violations(e.name, e.post)
	}
	if !failed || e.basic.status >= 500 && e.post.code == clientauth.CodeInvalidClient {
		checkCredentials(found, md, e)
	}
	for _, v := range basic {
		to := "Basic"
		if slices.Contains(post, v) {
			to = "Basic and to post"
		}
		found.Add(v.severity, e.subject(), "The answer to "+to+" "+v.problem, v.fix)
	}
	for _, v := range post {
		found.AddIf(!slices.Contains(basic, v), v.severity, e.subject(), "The answer to post "+v.problem, v.fix)
	}
}

// methodsMember returns the member that lists an endpoint's client authentication methods.
func methodsMember(name clientauth.Endpoint) string {
	return endpointMember(name) + "_auth_methods_supported"
}

// support says where an endpoint reads credentials.
type support string

const (
	readsBoth  support = "both"
	readsForm  support = "form" // Basic is ignored
	readsBasic support = "basic"
	unclear    support = "unclear"
)

// supportOf compares the answers. If the credentials were read, the unknown client is
// rejected (invalid_client). Otherwise the client is missing, or another check fails.
func supportOf(basic, post answer) support {
	const unknown, invalid = clientauth.CodeInvalidClient, clientauth.CodeInvalidRequest
	switch basicMissing, postMissing := basic.missesClient(), post.missesClient(); {
	case basicMissing && !postMissing:
		return readsForm
	case postMissing && !basicMissing:
		return readsBasic
	case basic.code == post.code && basic.code == unknown:
		return readsBoth
	case basic.code == post.code:
		return unclear
	case post.code == unknown, basic.code == invalid:
		return readsForm
	case basic.code == unknown, post.code == invalid:
		return readsBasic
	}
	return unclear
}

// checkCredentials compares where credentials are read with the listed methods.
func checkCredentials(found *wellknown.Findings, md wellknown.Metadata, e endpoint) {
	listed := md.Strings(methodsMember(e.name))
	basic, post := slices.Contains(listed, string(clientauth.Basic)), slices.Contains(listed, string(clientauth.Post))
	answers := "Basic is answered with " + e.basic.String() + ", the same client in the form with " + e.post.String() + "."
	switch s := supportOf(e.basic, e.post); {
	case s == readsForm:
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
	case s == readsBasic && post:
		found.Add(wellknown.Problem, e.subject(), "The metadata lists client_secret_post, but credentials in the form are not read. "+answers, "Remove client_secret_post from "+methodsMember(e.name)+".")
	case s == readsBasic:
		found.Add(wellknown.Note, e.subject(), "Credentials in the form are not read. The metadata does not list client_secret_post. "+answers, "Nothing, if clients follow the metadata.")
	case s == readsBoth && listed != nil && !basic:
		found.Add(wellknown.Note, e.subject(), "Basic is answered like post, but the metadata does not list client_secret_basic, so clients that follow it do not use Basic. Only a client that exists can show whether it succeeds.",
			"If existing clients can use it, add it to "+methodsMember(e.name)+". oauthgw does, at endpoints that lead through it.")
	case s == unclear && e.basic.status >= 300:
		found.Add(wellknown.Note, e.subject(), "The answers do not show whether the credentials were read. "+answers, "Try with a client that exists.")
	}
}
