package proxy

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
)

// byteOrderMark is what some encoders write at the beginning, and JSON must not begin
// with (RFC 8259 section 8.1).
var byteOrderMark = []byte("\ufeff")

// isJSON reports whether a header says that the body is JSON, by its media type or by
// the suffix of that (RFC 6839 section 3.1), as many servers and clients take it.
func isJSON(h http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (strings.HasSuffix(mediaType, "/json") || strings.HasSuffix(mediaType, "+json"))
}

// checkEncoding refuses a registration that another reader could decode as other
// characters than these, whatever its media type, because some providers do not look at
// that. No registration that is not JSON needs another encoding either: it is a form or
// a JWT.
func checkEncoding(h http.Header, body []byte) error {
	value := strings.Join(h["Content-Type"], ",")
	_, parameters, err := mime.ParseMediaType(value)
	charset, hasCharset := parameters["charset"]
	switch {
	case len(h["Content-Type"]) > 1, err != nil && strings.TrimSpace(value) != "":
		return errMediaType
	case hasCharset && !isUTF8(charset), !utf8.Valid(body),
		bytes.HasPrefix(body, byteOrderMark), bytes.IndexByte(body, 0) >= 0: // ASCII in UTF-16 is UTF-8 with NULs
		return errMetadataEncoding
	}
	return nil
}

// checkUnread refuses the body of a registration that is not a JSON object and is neither
// empty nor what its media type says, a form or a JWT: some readers ignore the type, and
// take a comment, a form feed or an array around JSON. The parameter names of a form are
// checked, because some servers read a method override from forms of any kind.
func checkUnread(r *http.Request, body []byte) error {
	kind, err := kindOf(r.Header)
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	ofJWT := mediaType == "application/jwt" || strings.HasSuffix(mediaType, "+jwt")
	switch {
	case err != nil:
		return err
	case len(body) == 0, ofJWT && !bytes.ContainsFunc(body, isNotOfJWT):
		return nil
	case kind == bodyForm && looksLikeForm(body):
		return clientauth.CheckNames(string(body))
	}
	return errClientMetadata
}

// isNotOfJWT reports whether a character is in no JWT (RFC 7515 section 7.1).
func isNotOfJWT(c rune) bool {
	return c != '.' && c != '-' && c != '_' && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && !('0' <= c && c <= '9')
}

// isUTF8 reports whether text in a charset can be read as UTF-8.
func isUTF8(charset string) bool {
	charset = strings.ToLower(charset)
	return charset == "utf-8" || charset == "utf8" || charset == "us-ascii"
}

// checkNames refuses client metadata of which some reader takes another member for the
// one that the gateway reads, or two for one. Go's encoding/json and others ignore case,
// by the folding of Unicode; C strings end at a NUL. The names that are registered are
// ASCII.
func checkNames(metadata jsonobject.Object) error {
	seen := map[string]bool{}
	for _, m := range metadata.Members() {
		lower := strings.ToLower(m.Name)
		odd := strings.ContainsFunc(m.Name, func(c rune) bool { return c < ' ' || c > '~' })
		if odd || seen[lower] || m.Name != memberMethod && isSpelling(m.Name, memberMethod) {
			return errMetadataNames
		}
		seen[lower] = true
	}
	return nil
}

// isSpelling reports whether some reader takes a name for that of a member: some ignore
// case, space or punctuation, and others know the member as tokenEndpointAuthMethod.
func isSpelling(name, member string) bool {
	return strings.EqualFold(lettersOf(name), lettersOf(member))
}

func lettersOf(name string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return c
		}
		return -1
	}, name)
}
