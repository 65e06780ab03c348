package clientauth

import (
	"errors"
	"iter"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The bounds of a form. Sizes are in bytes, after decoding.
const (
	maxParameters     = 100
	maxParameterName  = 64
	maxParameterValue = 16 << 10
)

// Form holds the parameters of a request in their order. Every parser finds the same ones in
// what [Form.Encode] writes. A nil Form is empty. A Form is immutable.
type Form struct{ parameters []parameter }

type parameter struct {
	name  string
	value Secret // like every value in a form, until it is known to be none
}

// ParseForm reads application/x-www-form-urlencoded text from a body or a query. It refuses
// text that two parsers could read differently, and repeated parameters (RFC 6749 section
// 3.2) unless a standard allows them. Errors are [*Error] values.
func ParseForm(encoded string) (*Form, error) { return (*Rules)(nil).ParseForm(encoded) }

// ParseForm is [ParseForm] with the configured repeatable parameters. Nil rules have none.
func (r *Rules) ParseForm(encoded string) (*Form, error) { return r.parse(encoded, false) }

// ParsePage is [ParseForm] for what a login page sends. Its parameters may repeat, have brackets
// in their names, be as long as the body, and ask for another HTTP method.
func ParsePage(encoded string) (*Form, error) {
	if strings.Contains(encoded, "#") { // some servers read a fragment in the request target
		return nil, ErrMalformedForm
	}
	return (*Rules)(nil).parse(encoded, true)
}

func (r *Rules) parse(encoded string, page bool) (*Form, error) {
	if encoded == "" {
		return &Form{}, nil
	}
	count := min(strings.Count(encoded, "&")+1, maxParameters)
	f := &Form{parameters: make([]parameter, 0, count)}
	values := make([]string, 0, count) // in one allocation
	var repeated []string
	for piece := range strings.SplitSeq(encoded, "&") {
		if piece == "" {
			continue
		}
		if len(f.parameters) == maxParameters {
			return nil, ErrManyParameters
		}
		name, value, err := parseParameter(piece, page)
		if err != nil {
			return nil, err
		}
		if f.Has(name) {
			repeated = append(repeated, name)
		}
		values = append(values, value)
		f.parameters = append(f.parameters, parameter{name, secretAt(&values[len(values)-1])})
	}
	for _, name := range repeated { // the grant type may come last
		if !page && !r.mayRepeat(name, f) {
			return nil, ErrRepeatedParameter
		}
	}
	return f, nil
}

func parseParameter(piece string, page bool) (name, value string, err error) {
	name, value, _ = strings.Cut(piece, "=")
	name, err1 := url.QueryUnescape(name)
	value, err2 := url.QueryUnescape(value)
	if err1 != nil || err2 != nil || name == "" || !isEncoded(piece) {
		return "", "", ErrMalformedForm
	}
	return name, value, checkParameter(name, value, page)
}

// isEncoded reports whether a form encoder could have written a text: encoders escape controls and
// the semicolon, which some parsers take for an ampersand.
func isEncoded(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c == 0x7f || c == ';' {
			return false
		}
	}
	return true
}

func checkParameter(name, value string, page bool) error {
	switch {
	case !page && (len(name) > maxParameterName || len(value) > maxParameterValue && !slices.Contains(unbounded, name)):
		return ErrLongParameter
	case !utf8.ValidString(name), !utf8.ValidString(value):
		return ErrFormCharacter
	case !page && strings.ContainsAny(name, "[]"):
		return ErrBracketedParameter
	// RFC 6749 appendix A. Some parsers end a value at a NUL.
	case reserved(name) && !printable(value), !printable(name), strings.ContainsRune(value, 0):
		return ErrFormCharacter
	}
	err := checkName(name)
	if page && errors.Is(err, ErrMethodOverride) {
		return nil
	}
	return err
}

// mayRepeat reports whether a parameter of a form may repeat: RFC 8707 section 2, RFC 8693
// section 2.1, UMA 2.0 Grant section 3.3.1.
func (r *Rules) mayRepeat(name string, f *Form) bool {
	switch name {
	case "resource", "audience":
		return true
	case "permission":
		if f.Get(parameterGrantType) == "urn:ietf:params:oauth:grant-type:uma-ticket" {
			return true
		}
	}
	return r != nil && slices.Contains(r.config.Repeatable, name)
}

// unbounded parameters may be as long as the body: they hold an assertion or a request object.
var unbounded = []string{ParameterClientAssertion, "assertion", "subject_token", "actor_token", "request", "login_hint_token", "id_token_hint"}

func (f *Form) list() []parameter {
	if f == nil {
		return nil
	}
	return f.parameters
}

// All yields every parameter in its order.
func (f *Form) All() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		for _, p := range f.list() {
			if !yield(p.name, p.value) {
				return
			}
		}
	}
}

// Get returns a parameter's value. One without a value counts as absent (RFC 6749 section 3.2).
func (f *Form) Get(name string) string {
	for _, p := range f.list() {
		if p.name == name {
			return p.value.Reveal()
		}
	}
	return ""
}

// Has reports whether a parameter is present, with or without a value.
func (f *Form) Has(name string) bool {
	return slices.ContainsFunc(f.list(), func(p parameter) bool { return p.name == name })
}

// WithCredentials returns a form with only a client_id and, unless the secret is zero, a
// client_secret as parameters of client authentication, at its end.
func (f *Form) WithCredentials(id string, secret Secret) *Form {
	out := f.WithoutCredentials() // a copy, with room for both
	out.parameters = append(out.parameters, parameter{ParameterClientID, NewSecret(id)})
	if !secret.IsZero() {
		out.parameters = append(out.parameters, parameter{ParameterClientSecret, secret})
	}
	return out
}

// WithoutCredentials returns a form without the parameters of client authentication.
func (f *Form) WithoutCredentials() *Form { return f.without(reserved) }

// OnlyCredentials returns a form of only those parameters.
func (f *Form) OnlyCredentials() *Form {
	return f.without(func(name string) bool { return !reserved(name) })
}

// Only returns a form of only the parameters with some names.
func (f *Form) Only(names ...string) *Form {
	return f.without(func(name string) bool { return !slices.Contains(names, name) })
}

// WithClientID returns a form in which each client_id has another value.
func (f *Form) WithClientID(id string) *Form {
	out := &Form{slices.Clone(f.list())}
	for i, p := range out.parameters {
		if p.name == ParameterClientID {
			out.parameters[i].value = NewSecret(id)
		}
	}
	return out
}

func (f *Form) without(drop func(name string) bool) *Form {
	kept := make([]parameter, 0, len(f.list())+2)
	for _, p := range f.list() {
		if !drop(p.name) {
			kept = append(kept, p)
		}
	}
	return &Form{kept}
}

// Completed returns a form with the parameters of defaults that it lacks at its end.
func (f *Form) Completed(defaults *Form) *Form {
	for name, value := range defaults.All() {
		if !f.Has(name) {
			f = &Form{append(slices.Clip(f.list()), parameter{name, value})}
		}
	}
	return f
}

// Encode returns the form as application/x-www-form-urlencoded text (RFC 6749 appendix B).
func (f *Form) Encode() string {
	size := 0
	for _, p := range f.list() {
		size += len(p.name) + len(p.value.Reveal()) + len("=&")
	}
	var b strings.Builder
	b.Grow(size + size/8) // some bytes become three
	for _, p := range f.list() {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(p.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p.value.Reveal()))
	}
	return b.String()
}
