package clientauth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// checkName refuses a name that some form reader turns into a parameter that the gateway reads
// or that changes the HTTP method. Form readers ignore case, trim space and brackets, drop
// unknown characters, turn dots and spaces into underscores (PHP), read a dot or a bracket as
// the beginning of a member (qs), and fold names that are not ASCII by different tables.
func checkName(name string) error {
	if strings.ContainsFunc(name, func(c rune) bool { return c > unicode.MaxASCII }) {
		return ErrParameterName
	}
	if isRead(name) {
		return nil
	}
	lower := strings.ToLower(name)
	for _, variant := range variants(lower) {
		switch {
		case isRead(variant):
			return ErrDisguisedParameter
		case variant == "method" && !strings.HasPrefix(lower, "method"),
			variant == "x_http_method_override", variant == "x_http_method", variant == "x_method_override":
			return ErrMethodOverride
		}
	}
	return nil
}

// isRead reports whether the gateway reads a parameter.
func isRead(name string) bool { return reserved(name) || name == parameterGrantType }

// IsSpelling reports whether some form reader finds a parameter, in lower case, under a name.
func IsSpelling(name, parameter string) bool {
	name = strings.ToLower(name)
	found := variants(name)
	return name == parameter || slices.Contains(found[:], parameter)
}

// variants returns the names under which form readers find a lower-case ASCII name. A usual name
// is its only one.
func variants(name string) [2]string {
	if isUsual(name) {
		return [2]string{name, name}
	}
	plain := strings.TrimFunc(name, isSeparator)
	head := plain[:len(plain)-len(strings.TrimLeftFunc(plain, func(c rune) bool { return c != '.' && c != '[' }))]
	underscore := func(c rune) rune {
		if isSeparator(c) {
			return '_'
		}
		return c
	}
	return [2]string{strings.Map(underscore, plain), strings.Map(underscore, strings.TrimRightFunc(head, isSeparator))}
}

// isUsual reports whether a name consists of letters, digits and, between them, underscores.
func isUsual(name string) bool {
	for i, c := range []byte(name) {
		inside := 0 < i && i < len(name)-1
		if !isAlphanumeric(rune(c)) && (c != '_' || !inside) {
			return false
		}
	}
	return true
}

// isSeparator reports whether some reader trims an ASCII character or makes it an underscore.
func isSeparator(c rune) bool { return !isAlphanumeric(c) }

// CheckNames refuses a parameter name that is not ASCII or asks for another HTTP method, in
// forms that [ParseForm] refuses too. Errors are [*Error] values.
func CheckNames(encoded string) error {
	for pair := range strings.FieldsFuncSeq(encoded, func(c rune) bool { return c == '&' || c == ';' }) {
		if err := checkName(nameOf(pair)); err != nil && !errors.Is(err, ErrDisguisedParameter) {
			return err
		}
	}
	return nil
}

// MayBeGrant reports whether a server could read a token request or client credentials in a
// header and a query: HTTP Basic, and a query or cookies that hold a grant type, a secret or an
// assertion under any spelling, or that cannot be read.
func MayBeGrant(h http.Header, query string) bool {
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name := nameOf(pair)
		if _, err := url.QueryUnescape(pair); err != nil || checkName(name) != nil || isRead(name) && name != ParameterClientID {
			return true
		}
	}
	return HasScheme(h, "Basic") || checkCookies(h) != nil
}

// nameOf returns the name in a pair, decoded if possible.
func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	if decoded, err := url.QueryUnescape(name); err == nil {
		return decoded
	}
	return name
}

// checkCookies refuses cookies named like a parameter that the gateway reads, in any variant:
// $_REQUEST of PHP and Request of ASP.NET hold them. Some servers separate cookies by commas.
func checkCookies(h http.Header) error {
	for pair := range strings.FieldsFuncSeq(strings.Join(h["Cookie"], ";"), func(c rune) bool { return c == ';' || c == ',' }) {
		if name := strings.TrimSpace(nameOf(pair)); isRead(name) || checkName(name) != nil {
			return ErrCookieParameter
		}
	}
	return nil
}

// CheckFormat refuses parameters by which frameworks let a client choose the format or the
// status of the response: the gateway could not read that the provider rejects a secret.
// Parameters of own, the endpoint's own query, may repeat. Errors are [*Error] values.
func (f *Form) CheckFormat(own *Form) error {
	for name, value := range f.All() {
		if ownValue := own.Get(name); ownValue != "" && ownValue == value.Reveal() {
			continue
		}
		for _, variant := range variants(strings.ToLower(name)) {
			if isResponseChoice(variant) || variant == "type" && strings.HasPrefix(name, "_") { // Apache CXF
				return ErrResponseFormat
			}
		}
	}
	return nil
}

func isResponseChoice(name string) bool {
	return slices.ContainsFunc(responseChoices, func(choice string) bool {
		return len(name) > 0 && name[0] == choice[0] && strings.ReplaceAll(name, "_", "") == choice
	})
}

// responseChoices are the parameters of Rails, Spring MVC, Django REST framework, Drupal, Yii,
// Express, Restify, WordPress, Restler and Restlet, without underscores.
var responseChoices = []string{"format", "callback", "jsonp", "envelope", "suppressresponsecodes", "media"}
