package proxy

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

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
	case hasCharset && !strings.EqualFold(charset, "utf-8"), !utf8.Valid(body),
		bytes.HasPrefix(body, byteOrderMark), bytes.IndexByte(body, 0) >= 0: // ASCII in UTF-16 is UTF-8 with NULs
		return errMetadataEncoding
	}
	return nil
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
// case, and others know the member as tokenEndpointAuthMethod.
func isSpelling(name, member string) bool {
	return strings.EqualFold(lettersOf(name), lettersOf(member))
}

func lettersOf(name string) string { return strings.NewReplacer("_", "", "-", "").Replace(name) }
