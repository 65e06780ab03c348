package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// encodings are the ways in which a text may be written without becoming another.
var encodings = map[string]func(string) string{
	"as it is":                func(s string) string { return s },
	"lower case":              strings.ToLower,
	"upper case":              strings.ToUpper,
	"form":                    url.QueryEscape,
	"form, lower hexadecimal": func(s string) string { return lowerEscapes(url.QueryEscape(s)) },
	"percent":                 percentEncoded,
	"percent, lower":          func(s string) string { return lowerEscapes(percentEncoded(s)) },
	"path":                    url.PathEscape,
	"path, lower":             func(s string) string { return lowerEscapes(url.PathEscape(s)) },
	"hexadecimal":             func(s string) string { return hex.EncodeToString([]byte(s)) },
	"upper hexadecimal":       func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
	"HTML":                    html.EscapeString,
	"JSON":                    func(s string) string { return inJSON(s, false) },
	"JSON for HTML":           func(s string) string { return inJSON(s, true) },
	"%q":                      func(s string) string { return unquoted(strconv.Quote(s)) },
	"%+q":                     func(s string) string { return unquoted(strconv.QuoteToASCII(s)) },
}

// expectNone looks for secrets in what was told.
func expectNone(t *testing.T, name string, told map[string]string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		for _, disguise := range disguises(secret) {
			for place, text := range told {
				if strings.Contains(text, disguise) {
					t.Errorf("%s: %q is in the %s as %q:\n%s", name, secret, place, disguise, strings.ToValidUTF8(text, "?"))
				}
			}
		}
	}
}

// disguises returns how a text looks in each encoding, and in base64.
func disguises(text string) (all []string) {
	for _, encode := range encodings {
		all = append(all, encode(text))
	}
	// What stands before it shifts base64, and what stands beside it its ends.
	for shift := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			octets := append(make([]byte, shift), text...)
			whole := octets[:len(octets)/3*3]
			all = append(all, encoding.EncodeToString(whole)[(shift+2)/3*4:])
		}
	}
	return all
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

func lowerEscapes(s string) string { return escape.ReplaceAllStringFunc(s, strings.ToLower) }

// percentEncoded is the form encoding but for the space (RFC 3986 section 2.1).
func percentEncoded(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func inJSON(s string, forHTML bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(forHTML)
	_ = e.Encode(s) // a string can be encoded
	return unquoted(strings.TrimSpace(b.String()))
}

// unquoted is a quoted text without the quotation marks around it.
func unquoted(s string) string { return s[1 : len(s)-1] }

// However a secret is written, whatever stands beside it, looking for its disguises
// finds it: what the tests of secrecy rest on.
func TestDisguisesAreSeenThrough(t *testing.T) {
	const secret = `Se +cret/Of&"One"=<ü>?`
	seen := func(text string) bool {
		return slices.ContainsFunc(disguises(secret), func(d string) bool { return strings.Contains(text, d) })
	}
	written := []string{
		secret, `se +cret/of&"one"=<ü>?`, `SE +CRET/OF&"ONE"=<Ü>?`,
		`Se+%2Bcret%2FOf%26%22One%22%3D%3C%C3%BC%3E%3F`, `Se+%2bcret%2fOf%26%22One%22%3d%3c%c3%bc%3e%3f`,
		`Se%20%2Bcret%2FOf%26%22One%22%3D%3C%C3%BC%3E%3F`, `Se%20%2bcret%2fOf%26%22One%22%3d%3c%c3%bc%3e%3f`,
		`Se%20+cret%2FOf&%22One%22=%3C%C3%BC%3E%3F`, `Se%20+cret%2fOf&%22One%22=%3c%c3%bc%3e%3f`,
		`5365202b637265742f4f6626224f6e65223d3cc3bc3e3f`, `5365202B637265742F4F6626224F6E65223D3CC3BC3E3F`,
		`Se +cret/Of&amp;&#34;One&#34;=&lt;ü&gt;?`,
		`Se +cret/Of&\"One\"=<ü>?`, `Se +cret/Of\u0026\"One\"=\u003cü\u003e?`, `Se +cret/Of&\"One\"=<\u00fc>?`,
	}
	for shift := range 3 {
		octets := fmt.Appendf(nil, "%s%s:and more", strings.Repeat("a", shift), secret)
		written = append(written, base64.StdEncoding.EncodeToString(octets), base64.RawURLEncoding.EncodeToString(octets))
	}
	for _, text := range written {
		if !seen(text) {
			t.Errorf("not seen in %s", text)
		}
	}
	if seen("before and behind, and nothing between") {
		t.Error("seen where it is not")
	}
}
