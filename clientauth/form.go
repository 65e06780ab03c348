package clientauth

import (
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

// Form holds the parameters of a request in their order. It is read once and
// strictly by [ParseForm], so that whoever parses what [Form.Encode] writes
// finds the same parameters. A nil Form is empty. A Form is immutable, and
// every value in it is a secret until it is known to be none.
type Form struct {
	parameters []parameter
}

type parameter struct {
	name  string
	value Secret
}

// ParseForm reads application/x-www-form-urlencoded text, from a body or from
// the query of a URI. Errors are [*Error] values.
//
// Every text that two parsers could read differently is refused, and so is a
// parameter that comes twice (RFC 6749 section 3.2) unless a standard lets it
// repeat.
func ParseForm(encoded string) (*Form, error) {
	f := &Form{parameters: make([]parameter, 0, min(strings.Count(encoded, "&")+1, maxParameters))}
	for piece := range strings.SplitSeq(encoded, "&") {
		if piece == "" {
			continue
		}
		if len(f.parameters) == maxParameters {
			return nil, ErrManyParameters
		}
		p, err := parseParameter(piece)
		if err != nil {
			return nil, err
		}
		if f.has(p.name) && !repeatable(p.name) {
			return nil, ErrRepeatedParameter
		}
		f.parameters = append(f.parameters, p)
	}
	return f, nil
}

func parseParameter(piece string) (parameter, error) {
	// No form encoder leaves these; some parsers take the semicolon for an
	// ampersand.
	if strings.ContainsFunc(piece, func(c rune) bool { return c < ' ' || c == 0x7f || c == ';' }) {
		return parameter{}, ErrMalformedForm
	}
	name, value, _ := strings.Cut(piece, "=")
	name, err1 := url.QueryUnescape(name)
	value, err2 := url.QueryUnescape(value)
	if err1 != nil || err2 != nil || name == "" {
		return parameter{}, ErrMalformedForm
	}
	return parameter{name, NewSecret(value)}, checkParameter(name, value)
}

// checkParameter refuses a decoded parameter that is out of bounds.
func checkParameter(name, value string) error {
	switch {
	case len(name) > maxParameterName, len(value) > maxParameterValue && !unbounded(name):
		return ErrLongParameter
	case !utf8.ValidString(name), !utf8.ValidString(value):
		return ErrFormCharacter
	case strings.ContainsAny(name, "[]"):
		return ErrBracketedParameter
	// RFC 6749 appendix A allows no control character in the parameters of
	// client authentication, and no parser can be trusted with a NUL.
	case reserved(name) && !printable(value), !printable(name), strings.ContainsRune(value, 0):
		return ErrFormCharacter
	}
	return checkName(name)
}

// repeatable reports whether a standard lets a parameter come more than once:
// RFC 8707 section 2 and RFC 8693 section 2.1.
func repeatable(name string) bool {
	return name == "resource" || name == "audience"
}

// unbounded reports whether a parameter may be as long as the body: the ones
// that hold a signed assertion or request object.
func unbounded(name string) bool {
	switch name {
	case ParameterClientAssertion, "assertion", "subject_token", "actor_token", "request", "login_hint_token", "id_token_hint":
		return true
	}
	return false
}

// Get returns the value of a parameter. Empty means that it is absent or has
// no value, which RFC 6749 section 3.2 treats alike.
func (f *Form) Get(name string) string {
	if f != nil {
		for _, p := range f.parameters {
			if p.name == name {
				return p.value.Reveal()
			}
		}
	}
	return ""
}

// has reports whether a parameter is present, be it without a value.
func (f *Form) has(name string) bool {
	for n := range f.All() {
		if n == name {
			return true
		}
	}
	return false
}

// All yields every parameter in its order. The values are secrets until they are
// known to be none.
func (f *Form) All() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		if f == nil {
			return
		}
		for _, p := range f.parameters {
			if !yield(p.name, p.value) {
				return
			}
		}
	}
}

// With returns a form with one more parameter at its end.
func (f *Form) With(name, value string) *Form {
	if f == nil {
		f = &Form{}
	}
	return &Form{append(slices.Clip(f.parameters), parameter{name, NewSecret(value)})}
}

// WithCredentials returns a form whose parameters of client authentication are a
// client_id and, unless the secret is zero, a client_secret, at its end.
func (f *Form) WithCredentials(id string, secret Secret) *Form {
	out := f.WithoutCredentials() // which nobody else has
	out.parameters = append(out.parameters, parameter{ParameterClientID, NewSecret(id)})
	// A client without a secret omits it (RFC 6749 section 2.3.1).
	if !secret.IsZero() {
		out.parameters = append(out.parameters, parameter{ParameterClientSecret, secret})
	}
	return out
}

// WithoutCredentials returns a form that lacks every copy of the parameters of
// client authentication, client_id among them.
func (f *Form) WithoutCredentials() *Form {
	return f.without(reserved)
}

// OnlyCredentials returns a form of just those parameters.
func (f *Form) OnlyCredentials() *Form {
	return f.without(func(name string) bool { return !reserved(name) })
}

func (f *Form) without(drop func(name string) bool) *Form {
	if f == nil {
		return nil
	}
	return &Form{slices.DeleteFunc(slices.Clone(f.parameters), func(p parameter) bool { return drop(p.name) })}
}

// Encode returns the form as application/x-www-form-urlencoded text (RFC 6749
// appendix B).
func (f *Form) Encode() string {
	if f == nil {
		return ""
	}
	size := 0
	for _, p := range f.parameters {
		size += len(p.name) + len(p.value.Reveal()) + len("=&")
	}
	var b strings.Builder
	b.Grow(size + size/8) // some octets become three
	for i, p := range f.parameters {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(p.name))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p.value.Reveal()))
	}
	return b.String()
}

// Completed returns a form with the parameters of defaults that it lacks at
// its end.
func (f *Form) Completed(defaults *Form) *Form {
	for name, value := range defaults.All() {
		if !f.has(name) {
			f = f.With(name, value.Reveal())
		}
	}
	return f
}
