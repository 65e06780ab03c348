// Package wwwauth parses WWW-Authenticate fields (RFC 9110 section 11.6.1), replaces the values
// of parameters in them and adds parameters. Beyond the grammar it accepts what clients accept: a URL
// without quotes as a value, and white space alone between two parameters.
package wwwauth

import (
	"regexp"
	"slices"
	"strings"
)

// Challenge is a scheme and its parameters. A token68 is not kept.
type Challenge struct {
	Scheme     string
	Parameters []Parameter
	end        int  // in the field, of the scheme and what belongs to it
	hasToken68 bool // instead of parameters
}

// Parameter is a parameter of a challenge. Its value is without quotes and escapes.
type Parameter struct {
	Name, Value string
	start, end  int // of the value in the field, quotes included
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+" // RFC 9110 section 5.6.2

var (
	separator = regexp.MustCompile(`^[ \t,]*`)
	parameter = regexp.MustCompile(`(?s)^(` + token + `)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^ \t,"]+)(?:[ \t,]|$)`)
	// A scheme is alone, with a token68 (RFC 9110 section 11.2), or in front of parameters.
	scheme = regexp.MustCompile(`^(` + token + `)(?:([ \t]+[A-Za-z0-9._~+/-]+=*)?[ \t]*(?:,|$)|[ \t]+[^ \t,=])`)
	escape = regexp.MustCompile(`(?s)\\(.)`)
)

// Parse returns the challenges of a field, or those in front of an error, and false.
func Parse(field string) (challenges []Challenge, ok bool) {
	for at := 0; ; {
		between := separator.FindString(field[at:])
		at += len(between)
		if at == len(field) {
			return challenges, true
		}
		if m := parameter.FindStringSubmatchIndex(field[at:]); m != nil {
			if len(challenges) == 0 {
				return challenges, false
			}
			p := Parameter{Name: field[at : at+m[3]], start: at + m[4], end: at + m[5]}
			if p.Value = field[p.start:p.end]; p.Value[0] == '"' {
				p.Value = escape.ReplaceAllString(p.Value[1:len(p.Value)-1], "$1")
			}
			last := &challenges[len(challenges)-1]
			last.Parameters = append(last.Parameters, p)
			at, last.end = p.end, p.end
			continue
		}
		m := scheme.FindStringSubmatchIndex(field[at:])
		if m == nil || len(challenges) > 0 && !strings.Contains(between, ",") {
			return challenges, false
		}
		challenges = append(challenges, Challenge{Scheme: field[at : at+m[3]], end: at + max(m[3], m[5]), hasToken68: m[5] > 0})
		at += max(m[3], m[5])
	}
}

// Offers reports whether one of the challenges in some fields has a scheme.
func Offers(fields []string, scheme string) bool {
	return slices.ContainsFunc(fields, func(field string) bool {
		challenges, _ := Parse(field)
		return slices.ContainsFunc(challenges, func(c Challenge) bool { return strings.EqualFold(c.Scheme, scheme) })
	})
}

// Replace returns a field with other values of a parameter. A value that replace returns
// unchanged stays byte for byte, and so does a malformed field.
func Replace(field, name string, replace func(string) string) string {
	challenges, ok := Parse(field)
	if !ok {
		return field
	}
	var out strings.Builder
	done := 0
	for _, c := range challenges {
		for _, p := range c.Parameters {
			if value := replace(p.Value); strings.EqualFold(p.Name, name) && value != p.Value {
				out.WriteString(field[done:p.start] + Quote(value))
				done = p.end
			}
		}
	}
	return out.String() + field[done:]
}

// Add adds a parameter to the first challenge of a scheme in some fields, unless a challenge of
// any scheme has a parameter of that name. It changes no malformed field, and no challenge with a
// token68, which must not have parameters. Everything else stays byte for byte.
func Add(fields []string, scheme, name, value string) {
	at, added := -1, ""
	for i, field := range fields {
		challenges, ok := Parse(field)
		for _, c := range challenges {
			if slices.ContainsFunc(c.Parameters, func(p Parameter) bool { return strings.EqualFold(p.Name, name) }) {
				return
			}
			if at < 0 && ok && !c.hasToken68 && strings.EqualFold(c.Scheme, scheme) {
				comma := strings.Repeat(",", min(len(c.Parameters), 1))
				at, added = i, field[:c.end]+comma+" "+name+"="+Quote(value)+field[c.end:]
			}
		}
	}
	if at >= 0 {
		fields[at] = added
	}
}

// Quote returns text as a quoted-string (RFC 9110 section 5.6.4).
func Quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
