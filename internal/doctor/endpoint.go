package doctor

import (
	"slices"

	"oauthgw/clientauth"
)

// endpoint is an endpoint at which clients authenticate, and what it said to
// the stranger.
type endpoint struct {
	name        clientauth.Endpoint
	url         string
	untested    string // why; empty: it was tested
	do          string // about that
	basic, post answer
}

func (e endpoint) subject() string { return string(e.name) + " endpoint" }

func judgeEndpoints(o observation) []Finding {
	var found []Finding
	used, _ := o.used()
	for _, e := range o.endpoints {
		if e.untested != "" {
			found = append(found, Finding{Note, e.subject(), "It was not tested: " + e.untested + ".", e.do})
			continue
		}
		found = append(found, judgeEndpoint(methodsOf(used, e.name), e)...)
	}
	return found
}

// judgeEndpoint judges an endpoint by its answers. Those that do not tell
// whether the client was read are compared only where the server fails at Basic
// and reads the form: then Basic is what it fails at.
func judgeEndpoint(m methods, e endpoint) []Finding {
	var found []Finding
	for _, f := range faults {
		if found = e.apply(f); len(found) > 0 {
			break
		}
	}
	if len(found) > 0 {
		if e.basic.status >= 500 && e.post.code == clientauth.CodeInvalidClient {
			return append(judgeReading(m, e), found...)
		}
		return found
	}
	found = judgeReading(m, e)
	for _, l := range lapses {
		found = append(found, e.apply(l)...)
	}
	return found
}

// apply judges both answers by a rule, and says what is the same of both once.
func (e endpoint) apply(r rule) []Finding {
	basic, post := r(e.name, e.basic), r(e.name, e.post)
	if basic == post {
		return e.complain("The answer to Basic and to post ", basic)
	}
	return append(e.complain("The answer to Basic ", basic), e.complain("The answer to post ", post)...)
}

func (e endpoint) complain(about string, c complaint) []Finding {
	if c == (complaint{}) {
		return nil
	}
	return []Finding{{c.severity, e.subject(), about + c.what, c.do}}
}

// methods are the client authentication methods that the metadata lists for an
// endpoint. An absent list means client_secret_basic (RFC 8414 section 2).
type methods struct {
	names  []string
	absent bool
}

func methodsOf(l location, name clientauth.Endpoint) methods {
	names, listed := l.texts(methodsMember(name))
	if !listed {
		return methods{names: []string{string(clientauth.Basic)}, absent: true}
	}
	return methods{names: names}
}

func (m methods) have(method clientauth.Method) bool {
	return slices.Contains(m.names, string(method))
}

func methodsMember(name clientauth.Endpoint) string { return member(name) + "_auth_methods_supported" }
