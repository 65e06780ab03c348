package clientauth

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// maxAuthorization bounds an Authorization field that is decoded, in bytes. A
// client id and a secret of 1 KiB each fit with every byte escaped.
const maxAuthorization = 9 << 10

// basicPair reads an Authorization field with the Basic scheme and returns
// the octets before and after the first colon (RFC 7617 section 2), not
// decoded any further.
//
// It has three answers. Absent, where tried is false: there is no field, or
// one of another scheme. Malformed, where tried is true and err is not nil: a
// failed attempt is never the same as none, or a client could slip a second
// identity past the one that is checked. Otherwise a pair.
func basicPair(h http.Header) (id, secret string, tried bool, err error) {
	fields := h["Authorization"]
	if len(fields) == 0 {
		return "", "", false, nil
	}
	// RFC 9110 section 5.3: only list-valued fields may be repeated, and
	// Authorization is none.
	if len(fields) > 1 {
		return "", "", true, ErrRepeatedAuthorization
	}
	scheme, token := splitScheme(fields[0])
	// RFC 9110 section 11.1: the scheme compares without regard to case.
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false, nil
	}
	if len(fields[0]) > maxAuthorization {
		return "", "", true, ErrLongAuthorization
	}
	id, secret, err = decodePair(token)
	return id, secret, true, err
}

// HasScheme reports whether an Authorization field has one of some schemes, whatever
// stands behind it: servers differ in the white space that they take there. A field that
// is not well-formed counts, because a server may find any scheme in it.
func HasScheme(h http.Header, schemes ...string) bool {
	return slices.ContainsFunc(h["Authorization"], func(field string) bool {
		scheme, _ := splitScheme(field)
		return !isWellFormed(field) || slices.ContainsFunc(schemes, func(s string) bool { return strings.EqualFold(s, scheme) })
	})
}

// CheckAuthorization refuses Authorization fields that are not well-formed. [Rules.Read]
// does so as well. One with the scheme Basic is left to it: the client is owed a challenge.
func CheckAuthorization(h http.Header) error {
	for _, field := range h["Authorization"] {
		if scheme, _ := splitScheme(field); !isWellFormed(field) && !strings.EqualFold(scheme, "Basic") {
			return ErrMalformedAuthorization
		}
	}
	return nil
}

// isWellFormed reports whether the value of an Authorization field is empty, or a scheme
// followed by nothing or by white space and visible ASCII (RFC 9110 section 11.6.2). Of any
// other, some server drops or trims characters, such as a no-break space, and then finds
// another scheme than the gateway.
func isWellFormed(field string) bool {
	field = strings.Trim(field, " \t")
	scheme, _ := splitScheme(field)
	rest := field[len(scheme):]
	visible := !strings.ContainsFunc(rest, func(c rune) bool { return c != '\t' && (c < ' ' || c > '~') })
	return field == "" || scheme != "" && visible && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
}

// splitScheme cuts the value of an Authorization field behind the scheme,
// which is a token (RFC 9110 section 11.4), and drops the spaces that follow.
func splitScheme(field string) (scheme, rest string) {
	field = strings.Trim(field, " \t")
	end := strings.IndexFunc(field, func(c rune) bool { return !isTokenChar(c) })
	if end < 0 {
		return field, ""
	}
	return field[:end], strings.TrimLeft(field[end:], " ")
}

// isTokenChar reports whether c is a tchar of RFC 9110 section 5.6.2.
func isTokenChar(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}

// decodePair undoes the base64 and splits at the first colon: a client id
// cannot hold one, a secret can.
func decodePair(token string) (id, secret string, err error) {
	// RFC 4648 section 3.3 wants characters outside the alphabet refused. The
	// decoder refuses all but line breaks, which it skips.
	if strings.ContainsAny(token, "\r\n") {
		return "", "", ErrMalformedBasic
	}
	octets, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil {
		return "", "", ErrMalformedBasic
	}
	id, secret, ok := strings.Cut(string(octets), ":")
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
