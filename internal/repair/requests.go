// Package repair changes the parameters of a request, or the JSON object of a response, as
// configured. It knows nothing of HTTP.
package repair

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"

	"oauthgw/clientauth"
)

// The names of the repairs of requests.
const (
	Remove      = "requests.remove"
	Scope       = "requests.scope"
	SetIfAbsent = "requests.set_if_absent"
)

// Requests are the repairs of requests in their order. The zero value changes nothing.
type Requests struct {
	Remove      []string          `yaml:"remove"` // parameters
	Scope       Scopes            `yaml:"scope"`
	SetIfAbsent map[string]string `yaml:"set_if_absent"` // values by parameter
}

// Scopes are the repairs of the scope of a request (RFC 6749 section 3.3).
type Scopes struct {
	Remove  []string          `yaml:"remove"`
	Rename  map[string]string `yaml:"rename"`  // one scope by one scope
	Default string            `yaml:"default"` // of a request that asks for none
}

// Added returns the scopes that clients ask for only because of s, sorted.
func (s Scopes) Added() []string {
	added := slices.AppendSeq(strings.Fields(s.Default), maps.Values(s.Rename))
	slices.Sort(added)
	return slices.Compact(added)
}

// IsZero reports whether r changes nothing.
func (r Requests) IsZero() bool {
	return len(r.Remove)+len(r.SetIfAbsent)+len(r.Scope.Remove)+len(r.Scope.Rename)+len(r.Scope.Default) == 0
}

// Apply returns the query and the form, if there is one, for the provider of a request to an
// endpoint, and the names of the repairs applied. All parameters that no repair names stay byte
// for byte and in their order. A request that cannot be parsed stays as a whole.
func (r Requests) Apply(e clientauth.Endpoint, query, form string, hasForm bool) (q, f string, applied []string) {
	if r.IsZero() {
		return query, form, nil
	}
	list, ok := parse(query, form)
	if !ok {
		return query, form, nil
	}
	p := planOf(e, list, hasForm)
	// A consent page may send its form to the URI of the authorization request, which was repaired
	// in the query before.
	inQuery := func(p parameter) bool { return !p.inForm && p.name == clientauth.ParameterClientID }
	toForm := hasForm && (e != clientauth.Authorization || !slices.ContainsFunc(list, inQuery))
	if kept := list.without(r.Remove...); p.remove && len(kept) < len(list) {
		list, applied = kept, append(applied, Remove)
	}
	if repaired := r.Scope.apply(list, p.add, toForm); p.scope && !slices.Equal(repaired, list) {
		list, applied = repaired, append(applied, Scope)
	}
	absent := slices.DeleteFunc(slices.Sorted(maps.Keys(r.SetIfAbsent)), func(name string) bool { return list.get(name) != "" })
	if p.add && len(absent) > 0 {
		list, applied = list.without(absent...), append(applied, SetIfAbsent)
		for _, name := range absent {
			list = append(list, newParameter(name, r.SetIfAbsent[name], toForm))
		}
	}
	if len(applied) == 0 {
		return query, form, nil
	}
	return list.text(false), list.text(true), applied
}

// plan is which repairs a request gets. Add is for those that add what the client did not send.
type plan struct{ remove, scope, add bool }

func planOf(e clientauth.Endpoint, list parameters, hasForm bool) plan {
	// Parameters of a request object are signed or were repaired when they were pushed (RFC 9101
	// section 5, RFC 9126 section 4).
	all := list.get("request") == "" && list.get("request_uri") == ""
	switch e {
	case clientauth.Token:
		return planOfGrant(list.get("grant_type"))
	case clientauth.Authorization:
		// Pages of the provider may lead here too. The form by which the user consents may hold
		// a client_id, but no response_type (RFC 6749 section 4.1.1).
		return plan{all, all, all && list.get("client_id") != "" && (!hasForm || list.get("response_type") != "")}
	case clientauth.PushedAuthorizationRequest, clientauth.DeviceAuthorization, clientauth.BackchannelAuthentication:
		return plan{all, all, all}
	}
	return plan{}
}

// planOfGrant returns the repairs of a token request. Only a grant without an earlier
// authorization gains parameters: a code has its scope already (RFC 6749 section 4.1.3), and a
// refresh without a scope asks for the scope that was granted (section 6).
func planOfGrant(grant string) plan {
	switch strings.TrimPrefix(grant, "urn:ietf:params:oauth:grant-type:") {
	case "authorization_code":
		return plan{remove: true}
	case "client_credentials", "password", "jwt-bearer", "saml2-bearer", "token-exchange":
		return plan{true, true, true}
	}
	return plan{remove: true, scope: true}
}

// apply repairs the scope. A repeated one stays, for the provider to reject (RFC 6749 section 3.1).
func (s Scopes) apply(list parameters, add, toForm bool) parameters {
	const name = "scope"
	sent := list.get(name)
	scope := s.Repair(sent)
	if add && strings.Trim(scope, " ") == "" {
		scope = s.Default
	}
	others := list.without(name)
	i := slices.IndexFunc(list, func(p parameter) bool { return p.name == name })
	switch {
	case scope == sent, len(list)-len(others) > 1:
		return list
	case scope == "":
		return others
	case i < 0:
		return append(others, newParameter(name, scope, toForm))
	}
	return slices.Concat(list[:i], parameters{newParameter(name, scope, list[i].inForm)}, list[i+1:])
}

// Repair removes and renames scopes. If there is nothing to do, the text stays as it is.
func (s Scopes) Repair(scope string) string {
	var kept []string
	changed, seen := false, map[string]bool{}
	for token := range strings.FieldsFuncSeq(scope, func(c rune) bool { return c == ' ' }) {
		removed, renamed := slices.Contains(s.Remove, token), s.Rename[token]
		changed = changed || removed || renamed != ""
		if token = cmp.Or(renamed, token); !removed && !seen[token] {
			kept, seen[token] = append(kept, token), true
		}
	}
	if !changed {
		return scope
	}
	return strings.Join(kept, " ")
}

// parameters are those of a query, followed by those of a form.
type parameters []parameter

type parameter struct {
	name, text string // decoded; name and value as they were sent
	inForm     bool
}

func newParameter(name, value string, inForm bool) parameter {
	return parameter{name, name + "=" + url.QueryEscape(value), inForm}
}

// parse parses a query and a form. It returns false if an escape is broken, or if there are more
// parameters than a request needs, which would take memory.
func parse(query, form string) (list parameters, ok bool) {
	const most = 256
	for i, encoded := range []string{query, form} {
		for text := range strings.SplitSeq(encoded, "&") {
			name, value, _ := strings.Cut(text, "=")
			name, err1 := url.QueryUnescape(name)
			_, err2 := url.QueryUnescape(value)
			if err1 != nil || err2 != nil || len(list) == most {
				return nil, false
			}
			if encoded != "" {
				list = append(list, parameter{name, text, i == 1})
			}
		}
	}
	return list, true
}

// get returns a parameter's first value. An empty one counts as omitted (RFC 6749 section 3.1).
func (l parameters) get(name string) string {
	for _, p := range l {
		if _, value, _ := strings.Cut(p.text, "="); p.name == name && value != "" {
			value, _ = url.QueryUnescape(value)
			return value
		}
	}
	return ""
}

func (l parameters) without(names ...string) parameters {
	return slices.DeleteFunc(slices.Clone(l), func(p parameter) bool { return slices.Contains(names, p.name) })
}

func (l parameters) text(ofForm bool) string {
	var texts []string
	for _, p := range l {
		if p.inForm == ofForm {
			texts = append(texts, p.text)
		}
	}
	return strings.Join(texts, "&")
}
