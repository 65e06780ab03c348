package doctor

import "oauthgw/clientauth"

// reading tells which of the two places of credentials an endpoint reads.
type reading string

const (
	readsBoth  reading = "both"
	readsForm  reading = "form" // Basic is not seen
	readsBasic reading = "basic"
	unclear    reading = "unclear"
)

// readingOf compares the answers. A client that was read is refused as one
// (invalid_client); one that was not is missing, or the request fails at
// something that is looked at before or after.
func readingOf(basic, post answer) reading {
	const unknown, invalid = clientauth.CodeInvalidClient, clientauth.CodeInvalidRequest
	switch lostBasic, lostPost := basic.missesClient(), post.missesClient(); {
	case lostBasic && !lostPost:
		return readsForm
	case lostPost && !lostBasic:
		return readsBasic
	case basic.code == post.code && basic.code == unknown:
		return readsBoth
	case basic.code == post.code:
		return unclear
	case post.code == unknown, basic.code == invalid && basic.code != post.code:
		return readsForm
	case basic.code == unknown, post.code == invalid:
		return readsBasic
	}
	return unclear
}

// judgeReading judges what works against what the metadata lists.
func judgeReading(m methods, e endpoint) []Finding {
	say := func(s Severity, what, do string) []Finding { return []Finding{{s, e.subject(), what, do}} }
	answers := "Basic is answered with " + e.basic.String() + ", the same client in the form with " + e.post.String() + "."
	switch r := readingOf(e.basic, e.post); {
	case r == readsForm:
		return say(m.severity(), "Credentials that come by HTTP Basic (client_secret_basic) are not read, so every client that uses it fails. "+answers+" "+m.promise(),
			"Put oauthgw in front of the provider. If it is there already, let the URL of the "+e.subject()+" lead through it.")
	case r == readsBasic && m.have(clientauth.Post):
		return say(Problem, "The metadata lists client_secret_post, but credentials in the form are not read. "+answers, "Take client_secret_post out of "+methodsMember(e.name)+".")
	case r == readsBasic:
		return say(Note, "Credentials in the form are not read; the metadata does not promise it. "+answers, "Nothing, if clients obey the metadata.")
	case r == readsBoth && !m.have(clientauth.Basic):
		return say(Note, "Basic is answered like post, but the metadata does not list client_secret_basic, so clients that obey it do not use it. Whether it succeeds, only a client that exists can show.",
			"If clients that exist can use it, list it in "+methodsMember(e.name)+". oauthgw does, at endpoints that lead through it.")
	case r == unclear && e.basic.status >= 300:
		return say(Note, "The answers do not tell whether the client was read. "+answers, "Try with a client that exists.")
	}
	return nil
}

// severity is how much it matters that Basic is not read: little where no
// client has a secret.
func (m methods) severity() Severity {
	if m.have(clientauth.Basic) || m.have(clientauth.Post) {
		return Problem
	}
	return Note
}

// promise says what the metadata leads clients to expect of Basic.
func (m methods) promise() string {
	switch {
	case m.absent:
		return "The metadata lists no methods here, which means client_secret_basic (RFC 8414 section 2)."
	case m.have(clientauth.Basic):
		return "The metadata lists client_secret_basic."
	}
	return "The metadata does not list client_secret_basic, but it is the default of RFC 6749 and RFC 7591, and many clients use it unasked."
}
