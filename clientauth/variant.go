package clientauth

import (
	"errors"
	"net/url"
	"strings"
	"unicode"
)

// parameterGrantType selects the grant (RFC 6749 section 4).
const parameterGrantType = "grant_type"

// checkVariant refuses a name that a form reader could turn into the name of a
// parameter that the gateway reads, or that changes the method of the request.
// The gateway would overlook such a parameter and the provider would use it.
//
// Form readers ignore case, trim space and brackets, drop characters that they
// do not know, turn dots and spaces into underscores (PHP), and read a dot as the
// beginning of a member (qs).
func checkVariant(name string) error {
	if reserved(name) || name == parameterGrantType {
		return nil
	}
	plain := strings.TrimFunc(strings.Map(foldRune, name), isSeparator)
	head, _, _ := strings.Cut(plain, ".")
	for _, read := range []string{plain, head} {
		switch read = strings.Map(underscore, strings.TrimRightFunc(read, isSeparator)); {
		case reserved(read), read == parameterGrantType:
			return ErrDisguisedParameter
		case read == "method" && !strings.HasPrefix(strings.Map(foldRune, name), "method"),
			read == "x_http_method_override", read == "x_http_method", read == "x_method_override":
			return ErrMethodOverride
		}
	}
	return nil
}

// OverridesMethod reports whether a form asks for another HTTP method. It looks at each
// parameter by itself, so that it also finds one in a form that [ParseForm] refuses.
func OverridesMethod(encoded string) bool {
	for piece := range strings.FieldsFuncSeq(encoded, func(c rune) bool { return c == '&' || c == ';' }) {
		name, _, _ := strings.Cut(piece, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if errors.Is(checkVariant(name), ErrMethodOverride) {
			return true
		}
	}
	return false
}

// foldRune maps letters that some reader takes for the same to one of them, as
// Java's equalsIgnoreCase does, and drops characters that are not shown.
func foldRune(r rune) rune {
	if 0xff01 <= r && r <= 0xff5e { // full width
		r -= 0xff01 - '!'
	}
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// isSeparator reports whether some reader trims a character, or turns it into an
// underscore.
func isSeparator(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

func underscore(r rune) rune {
	if isSeparator(r) {
		return '_'
	}
	return r
}
