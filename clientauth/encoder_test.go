package clientauth_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"oauthgw/clientauth"
)

// encoder is how one family of clients writes a half of a Basic pair, named as
// in testdata/basic.json.
type encoder struct {
	name   string
	encode func(string) string
	raw    bool // leaves the half as it is, but for the character encoding
}

// escaping returns an encoder that escapes every byte outside letters, digits
// and the given punctuation, and writes a space as given.
func escaping(name, literal, space string) encoder {
	return encoder{name: name, encode: func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			switch c := s[i]; {
			case c == ' ' && space != "":
				b.WriteString(space)
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(literal, c) >= 0:
				b.WriteByte(c)
			default:
				fmt.Fprintf(&b, "%%%02X", c)
			}
		}
		return b.String()
	}}
}

func encoders() []encoder {
	return []encoder{
		{"raw-utf8", func(s string) string { return s }, true},
		{"raw-latin1", toLatin1, true},
		escaping("form-whatwg", "*-._", "+"),
		{"form-go", url.QueryEscape, false},
		escaping("rfc3986", "-._~", ""),
		escaping("uri-component-plus", "-_.!~*'()", "+"),
		escaping("uri-component", "-_.!~*'()", ""),
		escaping("alnum-only", "", "+"),
		escaping("quote-slash", "-._~/", ""),
	}
}

// toLatin1 writes a character a byte. Text that Latin-1 cannot hold stays
// UTF-8, as the clients that do this fail on it.
func toLatin1(s string) string {
	var b []byte
	for _, r := range s {
		if r > 0xff {
			return s
		}
		b = append(b, byte(r))
	}
	return string(b)
}

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// generators are how providers make secrets: as so many characters of an alphabet.
var generators = []struct {
	name, alphabet string
	size           int
	padding        string
}{
	{"hex, 32 bytes", "0123456789abcdef", 64, ""},
	{"base64url, 32 bytes", alphanumeric + "-_", 43, ""},
	{"base64, 32 bytes, padded", alphanumeric + "+/", 43, "="},
	{"base64, 24 bytes, no padding", alphanumeric + "+/", 32, ""},
	{"base64, 48 bytes, no padding", alphanumeric + "+/", 64, ""},
	{"printable ASCII, 32", alphanumeric + " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 32, ""},
	{"printable ASCII, 8", alphanumeric + " !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 8, ""},
	{"letters, digits and !@#$%^&*, 16", alphanumeric + "!@#$%^&*", 16, ""},
	{"Latin-1 text, 16", "abcdefghijklmnopqrstuvwxyz äöüßéèñ+%/:&=", 16, ""},
	{"UTF-8 text, 16", "abcdefghijklmnopqrstuvwxyz äé漢字😀€+%/:&=", 16, ""},
}

// misreadable matches the unencoded pairs that an encoder could have made, in
// the words of the table that this project decided by: nothing special but
// plus, or a valid escape and nothing outside the encoders' sets.
var misreadable = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~!*'()+]|%[0-9A-Fa-f]{2})*$`)
var misreadableWithSlash = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~/]|%[0-9A-Fa-f]{2})*%[0-9A-Fa-f]{2}(?:[A-Za-z0-9\-._~/]|%[0-9A-Fa-f]{2})*$`)

// knownMisreading reports whether auto is known to misread a pair.
func knownMisreading(e encoder, id, secret string) bool {
	pair := e.encode(id) + e.encode(secret)
	return e.raw && strings.ContainsAny(pair, "+%") && (misreadable.MatchString(pair) || misreadableWithSlash.MatchString(pair))
}

// Under auto the provider receives what every client meant, but for the known
// misreadings, which are counted as ambiguous. The shares are in docs/basic-decoding.md.
func TestAutoReadsEveryEncoder(t *testing.T) {
	const pairs = 2000
	for _, g := range generators {
		alphabet := []rune(g.alphabet)
		for _, e := range encoders() {
			random := rand.New(rand.NewPCG(1, 2))
			misread := 0
			for range pairs {
				id, secret := fmt.Sprintf("client-%d", random.IntN(1000)), ""
				for range g.size {
					secret += string(alphabet[random.IntN(len(alphabet))])
				}
				secret += g.padding
				c, err := read(t, clientauth.Config{}, basic(e.encode(id)+":"+e.encode(secret)))
				// A misreading that holds a control character is refused.
				right := err == nil && c.ClientID == id && c.Secret.Reveal() == secret
				if right == knownMisreading(e, id, secret) {
					t.Fatalf("%s, %s: %q was read as %q, %v", g.name, e.name, secret, c.Secret.Reveal(), err)
				}
				if !right {
					misread++
					if c.Reading != clientauth.ReadingAmbiguous {
						t.Fatalf("%s, %s: %q was misread and counted as %s", g.name, e.name, secret, c.Reading)
					}
				}
			}
			t.Logf("%-34s %-20s %5.1f %% misread", g.name, e.name, 100*float64(misread)/pairs)
		}
	}
}

// Which single bytes prove a pair unencoded, for all of them.
func TestEveryByteIsJudged(t *testing.T) {
	for c := range 256 {
		inSet := strings.IndexByte(alphanumeric+"-._~!*'()+", byte(c)) >= 0
		withSlash := strings.IndexByte(alphanumeric+"-._~/", byte(c)) >= 0
		b := string([]byte{byte(c)})
		for wire, encoded := range map[string]bool{
			"%20" + b:            inSet || withSlash,
			"+" + b:              inSet,
			"%2" + b:             strings.IndexByte("0123456789abcdefABCDEF", byte(c)) >= 0,
			"%" + b + "0":        strings.IndexByte("0123456789abcdefABCDEF", byte(c)) >= 0,
			"/%20" + b:           withSlash,
			b + "%20(":           inSet,
			b + "%2":             false,
			"%20" + b + "%":      false,
			"%20" + b + "%41":    inSet || withSlash,
			"(" + b + "%20" + "": inSet,
		} {
			c, err := read(t, clientauth.Config{}, basic("app:"+wire))
			if err != nil {
				continue // a control character, however it is read
			}
			if got := c.Reading == clientauth.ReadingAmbiguous; got != encoded {
				t.Errorf("%q was read as %s", wire, c.Reading)
			}
		}
	}
}

// The scheme ends at the first byte that no token holds (RFC 9110 section
// 5.6.2); what begins with Basic is then a failed attempt, and otherwise
// another scheme.
func TestSchemeEndsWithTheToken(t *testing.T) {
	const token = alphanumeric + "!#$%&'*+-.^_`|~"
	for c := range 256 {
		if c == ' ' {
			continue // the separator
		}
		got, err := read(t, clientauth.Config{}, "Basic"+string([]byte{byte(c)})+"YTpi")
		another := strings.IndexByte(token, byte(c)) >= 0
		if another != (err == nil && got.Method == clientauth.Other) {
			t.Errorf("byte %#x behind the scheme: %s %v", c, got.Method, err)
		}
	}
}
