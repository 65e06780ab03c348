package clientauth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// parameterGrantType selects the grant (RFC 6749 section 4).
const parameterGrantType = "grant_type"

// checkName refuses a name that is not ASCII, or that a form reader could turn into the
// name of a parameter that the gateway reads, or that changes the method of the request.
// The gateway would overlook such a parameter and the provider would use it.
//
// Every parameter that a standard defines has a name in ASCII. Readers of the others
// fold case, width and accents, and drop characters that are not shown, each by its own
// tables. Of ASCII names, form readers ignore case, trim space and brackets, drop
// characters that they do not know, turn dots and spaces into underscores (PHP), and
// read a dot as the beginning of a member (qs).
func checkName(name string) error {
	if strings.ContainsFunc(name, func(c rune) bool { return c > unicode.MaxASCII }) {
		return ErrParameterName
	}
	if reserved(name) || name == parameterGrantType {
		return nil
	}
	lower := strings.ToLower(name)
	for _, read := range readings(lower) {
		switch {
		case reserved(read), read == parameterGrantType:
			return ErrDisguisedParameter
		case read == "method" && !strings.HasPrefix(lower, "method"),
			read == "x_http_method_override", read == "x_http_method", read == "x_method_override":
			return ErrMethodOverride
		}
	}
	return nil
}

// readings returns the names under which form readers find a parameter whose name is
// ASCII in lower case.
func readings(name string) [2]string {
	plain := strings.TrimFunc(name, isSeparator)
	head, _, _ := strings.Cut(plain, ".")
	return [2]string{strings.Map(underscore, plain), strings.Map(underscore, strings.TrimRightFunc(head, isSeparator))}
}

// CheckNames refuses a form whose parameter names are not ASCII, or that asks for another
// HTTP method. It looks at each parameter by itself, so that it also judges one in a form
// that [ParseForm] refuses. Errors are [*Error] values.
func CheckNames(encoded string) error {
	for piece := range strings.FieldsFuncSeq(encoded, func(c rune) bool { return c == '&' || c == ';' }) {
		if err := checkName(nameOf(piece)); err != nil && !errors.Is(err, ErrDisguisedParameter) {
			return err
		}
	}
	return nil
}

// nameOf returns the name in a pair, decoded if it can be.
func nameOf(pair string) string {
	name, _, _ := strings.Cut(pair, "=")
	if decoded, err := url.QueryUnescape(name); err == nil {
		return decoded
	}
	return name
}

// checkCookies refuses cookies that a provider could take for a parameter that the gateway
// reads, in any spelling: $_REQUEST of PHP and Request of ASP.NET hold cookies as well.
// Some servers separate cookies by commas.
func checkCookies(h http.Header) error {
	for pair := range strings.FieldsFuncSeq(strings.Join(h["Cookie"], ";"), func(c rune) bool { return c == ';' || c == ',' }) {
		name := strings.TrimSpace(nameOf(pair))
		if reserved(name) || name == parameterGrantType || checkName(name) != nil {
			return ErrCookieParameter
		}
	}
	return nil
}

// CheckFormat refuses a form in which the client chooses the format or the status of the
// response: a provider could reject a secret in a response that the gateway cannot read.
// Frameworks read such a parameter from the query or the body. The parameters of the endpoint's own query may be repeated. The error is
// an [*Error].
func (f *Form) CheckFormat(own *Form) error {
	for name, value := range f.All() {
		if ownValue := own.Get(name); ownValue != "" && ownValue == value.Reveal() {
			continue
		}
		for _, read := range readings(strings.ToLower(name)) {
			if choosesResponse(read) || read == "type" && strings.HasPrefix(name, "_") {
				return ErrResponseFormat
			}
		}
	}
	return nil
}

// choosesResponse reports whether a framework in wide use has a parameter by which the
// client chooses the response. Apache CXF also has _type; type alone is not its.
func choosesResponse(name string) bool {
	switch strings.ReplaceAll(name, "_", "") {
	case "format", // Rails, Spring MVC, Django REST framework; _format in Drupal and Yii
		"callback", "jsonp", // Express, Spring MVC and Restify
		"envelope",              // WordPress: the status is in the body
		"suppressresponsecodes", // Restler: the status is 200
		"media":                 // Restlet
		return true
	}
	return false
}

// isSeparator reports whether some reader trims an ASCII character, or turns it into an
// underscore.
func isSeparator(c rune) bool { return !isAlphanumeric(byte(c)) }

func underscore(c rune) rune {
	if isSeparator(c) {
		return '_'
	}
	return c
}
