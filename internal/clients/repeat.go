package clients

import (
	"encoding/base64"
	"html"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Repeats reports whether a text of the provider holds the client's secret: as it is, in form or
// percent encoding, or anywhere in base64, as in a Basic pair; perhaps in a JSON string or a page.
func (c Client) Repeats(text string) bool {
	secret := c.Secret.Reveal()
	if secret == "" {
		return false
	}
	wanted := []string{secret}
	for _, s := range []string{secret, url.QueryEscape(secret)} {
		wanted = append(wanted, inBase64(s)...)
	}
	for reading := range readings(text) {
		if slices.ContainsFunc(wanted, func(w string) bool { return strings.Contains(reading, w) }) {
			return true
		}
	}
	return false
}

// inBase64 returns the characters that stand for a text wherever it is in one that is encoded, in
// both alphabets (RFC 4648 sections 4 and 5). Those that depend on its neighbors are left out.
func inBase64(text string) (found []string) {
	for before := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + text))
		whole := (before + len(text)) * 8 / 6
		encoded = encoded[(before*8+5)/6 : whole]
		found = append(found, encoded, strings.NewReplacer("+", "-", "/", "_").Replace(encoded))
	}
	return found
}

// readings yields what readers may make of a text: the text, with escapes of JSON or HTML replaced,
// and each of those with percent encoding replaced once or twice, a plus sign being a space or not.
// It holds few copies of the text at a time.
func readings(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, replace := range []func(string) string{unchanged, unescapeJSON, html.UnescapeString} {
			plain := replace(text)
			if !yield(plain) {
				return
			}
			for _, reading := range []string{plain, strings.ReplaceAll(plain, "+", " ")} {
				for range 2 {
					if reading = unescapePercent(reading); !yield(reading) {
						return
					}
				}
			}
		}
	}
}

func unchanged(text string) string { return text }

var (
	jsonEscape    = regexp.MustCompile(`\\(?:u[0-9A-Fa-f]{4}|["\\/])`)
	percentEscape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

func unescapeJSON(text string) string {
	return jsonEscape.ReplaceAllStringFunc(text, func(escape string) string {
		if escape[1] != 'u' {
			return escape[1:]
		}
		n, _ := strconv.ParseUint(escape[2:], 16, 32) // the pattern has hexadecimal digits only
		return string(rune(n))
	})
}

func unescapePercent(text string) string {
	return percentEscape.ReplaceAllStringFunc(text, func(escape string) string {
		decoded, _ := url.PathUnescape(escape) // the pattern is an escape
		return decoded
	})
}
