package clientauth

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Decoding is how the two halves of a Basic pair are decoded. RFC 6749 section 2.3.1 wants
// them form-encoded; many clients send them unencoded.
type Decoding string

// The decodings.
const (
	DecodingAuto Decoding = "auto" // form if a form encoder could have made the pair, else raw
	DecodingForm Decoding = "form" // form-decoded, as the standard says
	DecodingRaw  Decoding = "raw"  // unchanged
)

// Reading is how one Basic pair was decoded.
type Reading string

// The readings.
const (
	ReadingPlain Reading = "plain" // no percent sign and no plus: the same either way
	ReadingForm  Reading = "form"  // form-decoded by configuration
	ReadingRaw   Reading = "raw"   // unchanged, by configuration or because no form encoder makes such a pair
	// ReadingAmbiguous is a pair form-decoded by DecodingAuto that could also be unencoded.
	// The configuration can set the decoding of its client.
	ReadingAmbiguous Reading = "ambiguous"
)

// decode returns the halves of a pair as UTF-8 text without control characters.
func (d Decoding) decode(id, secret string) (string, string, Reading, error) {
	reading := d.reading(id, secret)
	if reading == ReadingForm || reading == ReadingAmbiguous {
		var err1, err2 error
		id, err1 = url.QueryUnescape(id)
		secret, err2 = url.QueryUnescape(secret)
		if err1 != nil || err2 != nil {
			return "", "", reading, ErrBasicEscape
		}
	}
	// The standard wants UTF-8 (RFC 6749 appendix B). Older clients send Latin-1, and both
	// halves in the same encoding.
	if d != DecodingForm && !(utf8.ValidString(id) && utf8.ValidString(secret)) {
		id, secret = fromLatin1(id), fromLatin1(secret)
	}
	switch {
	case !printable(id), !printable(secret):
		return "", "", reading, ErrBasicCharacter
	case id == "":
		return "", "", reading, ErrEmptyClientID
	}
	return id, secret, reading, nil
}

func (d Decoding) reading(id, secret string) Reading {
	switch {
	case !strings.ContainsAny(id, "%+") && !strings.ContainsAny(secret, "%+"):
		return ReadingPlain
	case d == DecodingForm:
		return ReadingForm
	case d == DecodingAuto && formEncoded(id, secret):
		return ReadingAmbiguous
	}
	return ReadingRaw
}

// formEncoded reports whether a form encoder could have made a pair. Form encoders leave
// different punctuation unescaped, but none leaves more than one of the two sets below. One
// byte outside them proves the pair unencoded. One encoder made both halves, so they are
// examined together. The second set is for encoders that leave the slash; it needs an
// escape too, because a slash alone is common in base64.
//
// Two kinds of unencoded pair are taken for encoded: one whose only special character is
// the plus, and one with a percent sign in front of two hex digits and nothing outside the
// set. An encoder sends the same bytes for another secret, so no rule can distinguish them.
func formEncoded(id, secret string) bool {
	const common, slash = "-._~!*'()+", "-._~/"
	return madeOf(id, common) && madeOf(secret, common) ||
		madeOf(id, slash) && madeOf(secret, slash) && (strings.Contains(id, "%") || strings.Contains(secret, "%"))
}

// madeOf reports whether s consists of letters, digits, escapes and some punctuation.
func madeOf(s, punctuation string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isAlphanumeric(c) || strings.IndexByte(punctuation, c) >= 0:
		case c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// fromLatin1 reads every byte as the code point of the same number.
func fromLatin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// printable reports whether s is UTF-8 without control characters (RFC 6749 appendix A and
// RFC 7617 section 2).
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
