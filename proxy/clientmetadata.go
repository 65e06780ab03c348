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

// isJSON reports whether a header declares JSON, by the media type or its suffix (RFC 6839
// section 3.1).
func isJSON(h http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && (strings.HasSuffix(mediaType, "/json") || strings.HasSuffix(mediaType, "+json"))
}

// checkEncoding refuses a registration that another reader could decode as other characters,
// whatever its media type, because some providers do not look at that. JSON must not begin
// with a byte order mark (RFC 8259 section 8.1). ASCII in UTF-16 is UTF-8 with NULs.
func checkEncoding(h http.Header, body []byte) error {
	value := strings.Join(h["Content-Type"], ",")
	_, parameters, err := mime.ParseMediaType(value)
	charset, hasCharset := parameters["charset"]
	switch {
	case len(h["Content-Type"]) > 1, err != nil && strings.TrimSpace(value) != "":
		return errMediaType
	case hasCharset && !isUTF8(charset), !utf8.Valid(body), bytes.HasPrefix(body, []byte("\ufeff")), bytes.IndexByte(body, 0) >= 0:
		return errMetadataEncoding
	}
	return nil
}

// checkUnread refuses the body of a registration that is not a JSON object, unless it is
// empty, or a form or a JWT as its media type says: some readers ignore the type, and accept
// a comment, a form feed or an array around JSON. The parameter names of a form are checked,
// because some servers read a method override from any form.
func checkUnread(r *http.Request, body []byte) error {
	kind, err := kindOf(r.Header)
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	ofJWT := mediaType == "application/jwt" || strings.HasSuffix(mediaType, "+jwt")
	isNotOfJWT := func(c rune) bool { return c != '.' && c != '-' && c != '_' && !isAlphanumeric(c) } // RFC 7515 section 7.1
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

// checkNames refuses client metadata in which some reader finds another member than the
// gateway, or two in place of one. Go's encoding/json and others ignore case, as Unicode
// folds it; C strings end at a NUL. Registered names are ASCII.
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
// case, space or punctuation, and some spell it tokenEndpointAuthMethod.
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
