package clientauth

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// maxAuthorization bounds an Authorization field, in bytes: two escaped halves of 1 KiB fit.
const maxAuthorization = 9 << 10

// basicPair returns the halves of the Basic pair in an Authorization field (RFC 7617
// section 2), not decoded further. Tried is false if there is no field with that scheme. A
// malformed pair is tried and an error: absent, it could hide a second identity.
func basicPair(h http.Header) (id, secret string, tried bool, err error) {
	fields := h["Authorization"]
	switch {
	case len(fields) == 0:
		return "", "", false, nil
	case len(fields) > 1: // RFC 9110 section 5.3: Authorization is not a list
		return "", "", true, ErrRepeatedAuthorization
	}
	scheme, token := splitScheme(fields[0])
	switch {
	case !strings.EqualFold(scheme, "Basic"): // RFC 9110 section 11.1
		return "", "", false, nil
	case len(fields[0]) > maxAuthorization:
		return "", "", true, ErrLongAuthorization
	}
	id, secret, err = decodePair(token)
	return id, secret, true, err
}

// HasScheme reports whether an Authorization field has one of some schemes. A malformed field
// counts, because a server may find any scheme in it.
func HasScheme(h http.Header, schemes ...string) bool {
	return slices.ContainsFunc(h["Authorization"], func(field string) bool {
		scheme, _ := splitScheme(field)
		return !isWellFormed(field) || slices.ContainsFunc(schemes, func(s string) bool { return strings.EqualFold(s, scheme) })
	})
}

// CheckAuthorization refuses malformed Authorization fields, but for Basic, of which
// [Rules.Read] returns an error with a challenge.
func CheckAuthorization(h http.Header) error {
	for _, field := range h["Authorization"] {
		if scheme, _ := splitScheme(field); !isWellFormed(field) && !strings.EqualFold(scheme, "Basic") {
			return ErrMalformedAuthorization
		}
	}
	return nil
}

// isWellFormed reports whether the value of an Authorization field is empty, or a scheme
// and then nothing or white space and visible ASCII (RFC 9110 section 11.6.2). Some servers
// drop other characters, such as a no-break space, and then find another scheme.
func isWellFormed(field string) bool {
	field = strings.Trim(field, " \t")
	scheme, _ := splitScheme(field)
	rest := field[len(scheme):]
	visible := !strings.ContainsFunc(rest, func(c rune) bool { return c != '\t' && (c < ' ' || c > '~') })
	return field == "" || scheme != "" && visible && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// splitScheme splits the value of an Authorization field behind the scheme, a token (RFC
// 9110 sections 5.6.2 and 11.4), and trims the spaces that follow.
func splitScheme(field string) (scheme, rest string) {
	field = strings.Trim(field, " \t")
	rest = strings.TrimLeftFunc(field, func(c rune) bool { return isAlphanumeric(c) || strings.ContainsRune("!#$%&'*+-.^_`|~", c) })
	return field[:len(field)-len(rest)], strings.TrimLeft(rest, " ")
}

var strictBase64 = base64.StdEncoding.Strict()

// decodePair decodes base64 and splits at the first colon: a client id has none.
func decodePair(token string) (id, secret string, err error) {
	// RFC 4648 section 3.3: refuse other characters. The decoder skips line breaks.
	if strings.ContainsAny(token, "\r\n") {
		return "", "", ErrMalformedBasic
	}
	pair, err := strictBase64.DecodeString(token)
	if err != nil {
		return "", "", ErrMalformedBasic
	}
	id, secret, ok := strings.Cut(string(pair), ":")
	switch {
	case !ok && strings.Contains(strings.ToLower(id), "%3a"):
		return "", "", ErrEncodedColon
	case !ok:
		return "", "", ErrMalformedBasic
	case id == "":
		return "", "", ErrEmptyClientID
	}
	return id, secret, nil
}
