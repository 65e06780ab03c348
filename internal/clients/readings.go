package clients

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"iter"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"oauthgw/clientauth"
)

// Repeats reports whether a text of the provider holds the client's secret: as it is, in form or
// percent encoding, or anywhere in base64, as in a Basic pair; perhaps in a JSON string or a page.
func (c Client) Repeats(text string) bool {
	if c.spellings == nil { // the client is in no table
		c.spellings = spellings(c.Secret)
	}
	for reading := range readings(text) {
		if slices.ContainsFunc(c.spellings, func(s clientauth.Secret) bool { return strings.Contains(reading, s.Reveal()) }) {
			return true
		}
	}
	return false
}

// spellings returns the texts that show a secret.
func spellings(secret clientauth.Secret) (found []clientauth.Secret) {
	if secret.IsZero() {
		return nil
	}
	plain := secret.Reveal()
	list := []string{plain, plain[:min(15, len(plain))] + "..."} // a stack trace of PHP
	for _, s := range []string{plain, url.QueryEscape(plain)} {
		list = append(list, inBase64(s)...)
	}
	slices.Sort(list)
	for _, s := range slices.Compact(list) {
		found = append(found, clientauth.NewSecret(s))
	}
	return found
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

// readings yields what readers may make of a text: the text, with escapes of JSON or HTML replaced, or
// from UTF-16, and each of those with percent encoding replaced once or twice, a plus sign being a space or not.
// It holds few copies of the text at a time.
func readings(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, plain := range []string{text, unescape(text, '\\', fromBackslash), html.UnescapeString(text), strings.ReplaceAll(text, "\x00", "")} {
			if i > 0 && plain == text {
				continue
			}
			if !yield(plain) {
				return
			}
			for _, reading := range slices.Compact([]string{plain, strings.ReplaceAll(plain, "+", " ")}) {
				for range 2 {
					decoded := unescape(reading, '%', fromPercent)
					if decoded != plain && !yield(decoded) {
						return
					}
					if decoded == reading { // once more changes nothing
						break
					}
					reading = decoded
				}
			}
		}
	}
}

// unescape replaces the escapes in a text that begin with a mark. Decode returns what the escape
// behind the mark stands for, and its length; zero means no escape.
func unescape(text string, mark byte, decode func(rest string) (string, int)) string {
	if strings.IndexByte(text, mark) < 0 {
		return text
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, string(mark))
		out.WriteString(before)
		if !found {
			return out.String()
		}
		decoded, length := decode(rest)
		if length == 0 {
			decoded = string(mark)
		}
		out.WriteString(decoded)
		text = rest[length:]
	}
}

// fromPercent decodes percent encoding, and %u0041 as ASP.NET does.
func fromPercent(rest string) (string, int) {
	if strings.HasPrefix(rest, "u") {
		return fromHex(rest, 1, 4)
	}
	return fromHex(rest, 0, 2)
}

// fromBackslash decodes the escapes of characters in JSON, and \x41 and \' of JavaScript and Python.
func fromBackslash(rest string) (string, int) {
	switch {
	case strings.HasPrefix(rest, "u"):
		return fromHex(rest, 1, 4)
	case strings.HasPrefix(rest, "x"):
		return fromHex(rest, 1, 2)
	case rest != "" && strings.IndexByte(`"\/'`, rest[0]) >= 0:
		return rest[:1], 1
	}
	return "", 0
}

func fromHex(rest string, begin, digits int) (string, int) {
	end := begin + digits
	var code [2]byte
	if len(rest) < end {
		return "", 0
	}
	if _, err := hex.Decode(code[:], []byte(rest[begin:end])); err != nil {
		return "", 0
	}
	if digits == 2 {
		return string(code[:1]), end
	}
	return string(rune(binary.BigEndian.Uint16(code[:]))), end
}

// resembles reports whether a client_id that is none of some names could be one for a provider
// that decodes it twice, or compares IDs as text, numbers or UUIDs. It takes linear time, and may
// report true for a long one with characters that no ID has.
func resembles(id string, names map[string]*Use) bool {
	id = strings.ToLower(strings.Trim(unescape(id, '%', fromPercent), " \t\r\n\f\v{}"))
	if len(id) > 1024 && strings.ContainsFunc(id, isForeign) {
		return len(names) > 0
	}
	for name := range names {
		if couldBe(id, strings.ToLower(name)) {
			return true
		}
	}
	return false
}

// resemblesMember reports whether a JSON object has a client_id that could be one of some names.
func resemblesMember(text []byte, names map[string]*Use) bool {
	var object map[string]any
	if bytes.IndexByte(text, '{') < 0 {
		return false
	}
	_ = json.Unmarshal(text, &object) // other formats have no members
	for name, value := range object {
		if clientauth.IsSpelling(name, clientauth.ParameterClientID) && resembles(fmt.Sprint(value), names) {
			return true
		}
	}
	return false
}

var (
	number = regexp.MustCompile(`^[+-]?[0-9]*(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,3})?`)
	uuid   = regexp.MustCompile(`^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$`)
)

// couldBe reports whether a database could find an ID equal to a name, both in lower case. MySQL
// reads a text as the number at its beginning. PostgreSQL reads a UUID without hyphens, and SQL
// Server with text behind it.
func couldBe(id, name string) bool {
	plain := func(id string) string { return strings.ReplaceAll(id, "-", "") }
	switch {
	case strings.Trim(name, "0123456789") == "":
		n, err := strconv.ParseFloat(number.FindString(id), 64)
		wanted, _ := strconv.ParseFloat(name, 64) // digits
		return err == nil && n == wanted
	case len(name) >= 32 && uuid.MatchString(name):
		return strings.HasPrefix(plain(id), plain(name))
	}
	return id == name || foldsTo(id, name)
}

// foldsTo reports whether a database could fold an ID to a name: each character that is not ASCII
// becomes none to three that are. A client_id has ASCII only (RFC 6749 section A.1).
func foldsTo(id, name string) bool {
	begin, end := strings.IndexFunc(id, isForeign), strings.LastIndexFunc(id, isForeign)
	if begin < 0 || !strings.HasPrefix(name, id[:begin]) {
		return false
	}
	_, size := utf8.DecodeRuneInString(id[end:])
	rest, found := strings.CutSuffix(name[begin:], id[end+size:])
	missing := 0 // how many characters of the name the foreign ones stand for
	for _, part := range strings.FieldsFunc(id[begin:end], isForeign) {
		before, after, ok := strings.Cut(rest, part)
		missing, rest, found = missing+len(before), after, found && ok
	}
	for _, c := range id {
		if isForeign(c) {
			missing -= 3
		}
	}
	return found && missing+len(rest) <= 0
}

func isForeign(c rune) bool { return c >= utf8.RuneSelf }
