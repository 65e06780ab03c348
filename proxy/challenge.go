package proxy

import (
	"net/http"
	"strings"
)

// challenge returns a WWW-Authenticate value for HTTP Basic (RFC 7617 section
// 2), its realm a quoted-string (RFC 9110 section 5.6.4).
func challenge(realm string) string {
	return `Basic realm="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(realm) + `"`
}

// challengesBasic reports whether one of the challenges in a header has the
// Basic scheme. A field holds a list of challenges, each a scheme and its
// parameters, which are lists as well (RFC 9110 section 11.6.1).
func challengesBasic(h http.Header) bool {
	for _, field := range h["Www-Authenticate"] {
		for _, element := range splitUnquoted(field) {
			scheme, rest, _ := strings.Cut(strings.Trim(element, " \t"), " ")
			// Basic = x would be a parameter of the challenge before.
			if strings.EqualFold(scheme, "Basic") && !strings.HasPrefix(strings.TrimLeft(rest, " \t"), "=") {
				return true
			}
		}
	}
	return false
}

// splitUnquoted splits a field at the commas that are not inside a
// quoted-string.
func splitUnquoted(field string) []string {
	quoted, escaped := false, false
	return strings.FieldsFunc(field, func(c rune) bool {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		}
		return c == ',' && !quoted
	})
}
