// Package wwwauth parses WWW-Authenticate fields (RFC 9110 section 11.6.1) and replaces
// the values of parameters in them, leaving every other byte as it was.
//
// It accepts what clients in use accept beyond the grammar: a URL without quotes as a
// value, and white space alone between two parameters.
package wwwauth

import "strings"

// Challenge is a scheme and its parameters. A token68 is not kept.
type Challenge struct {
	Scheme     string
	Parameters []Parameter
}

// Parameter is a parameter of a challenge. Its value is without quotes and escapes.
type Parameter struct {
	Name, Value string

	start, end int // of the value in the field, quotes included
}

// Parse returns the challenges of a field. If the field is malformed, ok is false and
// the challenges are those in front of the error.
func Parse(field string) (challenges []Challenge, ok bool) {
	s := scanner{text: field}
	for {
		separator := s.take(isSeparator)
		if s.at == len(field) {
			return challenges, true
		}
		name := s.take(isTokenChar)
		switch {
		case name == "":
			return challenges, false
		case s.takeEquals():
			value, ok := s.parameterValue()
			if !ok || len(challenges) == 0 {
				return challenges, false
			}
			last := &challenges[len(challenges)-1]
			value.Name = name
			last.Parameters = append(last.Parameters, value)
		case len(challenges) > 0 && !strings.Contains(separator, ","):
			return challenges, false
		default:
			challenges = append(challenges, Challenge{Scheme: name})
			s.takeToken68()
		}
		if !s.atSeparator() {
			return challenges, false
		}
	}
}

// Offers reports whether one of the challenges in some fields has a scheme.
func Offers(fields []string, scheme string) bool {
	for _, field := range fields {
		challenges, _ := Parse(field)
		for _, c := range challenges {
			if strings.EqualFold(c.Scheme, scheme) {
				return true
			}
		}
	}
	return false
}

// Replace returns a field in which each value of a parameter is what replace makes of
// it. A value that replace returns as it was stays as it was written, and so does a
// malformed field.
func Replace(field, name string, replace func(string) string) string {
	challenges, ok := Parse(field)
	if !ok {
		return field
	}
	var out strings.Builder
	done := 0
	for _, c := range challenges {
		for _, p := range c.Parameters {
			if !strings.EqualFold(p.Name, name) {
				continue
			}
			if value := replace(p.Value); value != p.Value {
				out.WriteString(field[done:p.start] + Quote(value))
				done = p.end
			}
		}
	}
	return out.String() + field[done:]
}

// Quote returns text as a quoted-string (RFC 9110 section 5.6.4).
func Quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
