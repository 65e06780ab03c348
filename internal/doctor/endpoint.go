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
			checkEndpoint(found, methodsOf(used.Metadata, e.name), e)
		}
	}
}

// checkEndpoint checks the answers of an endpoint. After a failure they are compared
// only if the server fails with Basic and reads the form, because then Basic is the
// cause.
func checkEndpoint(found *wellknown.Findings, m methods, e endpoint) {
	rules := failures
	failed := failures(e.name, e.basic) != nil || failures(e.name, e.post) != nil
	if !failed {
		rules = violations
	}
	if !failed || e.basic.status >= 500 && e.post.code == clientauth.CodeInvalidClient {
		checkCredentials(found, m, e)
	}
	basic, post := rules(e.name, e.basic), rules(e.name, e.post)
	add := func(about string, v violation) { found.Add(v.severity, e.subject(), about+v.problem, v.fix) }
	for _, v := range basic {
		if slices.Contains(post, v) {
			add("The answer to Basic and to post ", v)
		} else {
			add("The answer to Basic ", v)
		}
	}
	for _, v := range post {
		if !slices.Contains(basic, v) {
			add("The answer to post ", v)
		}
	}
}

// methods are the client authentication methods that the metadata lists for an
// endpoint. An absent list means client_secret_basic (RFC 8414 section 2).
type methods struct {
	names  []string
	absent bool
}

func methodsOf(md wellknown.Metadata, name clientauth.Endpoint) methods {
	if names := md.Strings(methodsMember(name)); names != nil {
		return methods{names: names}
	}
	return methods{names: []string{string(clientauth.Basic)}, absent: true}
}

func (m methods) have(method clientauth.Method) bool {
	return slices.Contains(m.names, string(method))
}

// severity is how much it matters that Basic is not read: little if no client has a
// secret.
func (m methods) severity() wellknown.Severity {
	if m.have(clientauth.Basic) || m.have(clientauth.Post) {
		return wellknown.Problem
	}
	return wellknown.Note
}

// promise says what clients expect of Basic by the metadata.
func (m methods) promise() string {
	switch {
	case m.absent:
		return "The metadata lists no methods here, which means client_secret_basic (RFC 8414 section 2)."
	case m.have(clientauth.Basic):
		return "The metadata lists client_secret_basic."
	}
	return "The metadata does not list client_secret_basic, but it is the default of RFC 6749 and RFC 7591, and many clients use it anyway."
}

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
func checkCredentials(found *wellknown.Findings, m methods, e endpoint) {
	answers := "Basic is answered with " + e.basic.String() + ", the same client in the form with " + e.post.String() + "."
	switch s := supportOf(e.basic, e.post); {
	case s == readsForm:
		found.Add(m.severity(), e.subject(), "Credentials sent by HTTP Basic (client_secret_basic) are not read, so every client that uses it fails. "+answers+" "+m.promise(),
			"Put oauthgw in front of the provider. If it is there already, let the URL of the "+e.subject()+" lead through it.")
	case s == readsBasic && m.have(clientauth.Post):
		found.Add(wellknown.Problem, e.subject(), "The metadata lists client_secret_post, but credentials in the form are not read. "+answers, "Remove client_secret_post from "+methodsMember(e.name)+".")
	case s == readsBasic:
		found.Add(wellknown.Note, e.subject(), "Credentials in the form are not read. The metadata does not list client_secret_post. "+answers, "Nothing, if clients follow the metadata.")
	case s == readsBoth && !m.have(clientauth.Basic):
		found.Add(wellknown.Note, e.subject(), "Basic is answered like post, but the metadata does not list client_secret_basic, so clients that follow it do not use Basic. Only a client that exists can show whether it succeeds.",
			"If existing clients can use it, add it to "+methodsMember(e.name)+". oauthgw does, at endpoints that lead through it.")
	case s == unclear && e.basic.status >= 300:
		found.Add(wellknown.Note, e.subject(), "The answers do not show whether the credentials were read. "+answers, "Try with a client that exists.")
	}
}
