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

const (
	DecodingAuto Decoding = "auto" // form if a form encoder could have made the pair, else raw
	DecodingForm Decoding = "form" // form-decoded, as the standard says
	DecodingRaw  Decoding = "raw"  // unchanged
)

// Reading is how one Basic pair was decoded.
type Reading string

const (
	ReadingPlain Reading = "plain" // no percent sign and no plus: the same either way
	ReadingForm  Reading = "form"  // form-decoded by configuration
	ReadingRaw   Reading = "raw"   // unchanged, by configuration or because no form encoder makes such a pair
	// ReadingAmbiguous is a pair form-decoded by DecodingAuto that could also be unencoded.
	ReadingAmbiguous Reading = "ambiguous"
)

// decode returns the halves of a pair as UTF-8 text without control characters.
func (d Decoding) decode(id, secret string) (string, string, Reading, error) {
	plainID, err1 := url.QueryUnescape(id)
	plainSecret, err2 := url.QueryUnescape(secret)
	valid, reading := err1 == nil && err2 == nil, ReadingRaw
	switch {
	case !strings.ContainsAny(id, "%+") && !strings.ContainsAny(secret, "%+"):
		reading = ReadingPlain
	case d == DecodingForm && !valid:
		return "", "", ReadingForm, ErrBasicEscape
	case d == DecodingForm:
		id, secret, reading = plainID, plainSecret, ReadingForm
	case d == DecodingAuto && valid && formEncoded(id, secret):
		id, secret, reading = plainID, plainSecret, ReadingAmbiguous
	}
	// The standard wants UTF-8 (RFC 6749 appendix B). Older clients send both halves in Latin-1.
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

// formEncoded reports whether a form encoder could have made a pair with valid escapes. Form
// encoders leave different punctuation unescaped, but none leaves more than one of the two
// sets below. One encoder made both halves, so one byte outside a set proves the pair
// unencoded. The set with the slash needs an escape, because a slash alone is common in base64.
//
// Two kinds of unencoded pair are taken for encoded: one whose only special character is
// the plus, and one with a percent sign in front of two hex digits and nothing outside the
// set. An encoder sends the same bytes for another secret, so no rule can distinguish them.
func formEncoded(id, secret string) bool {
	of := func(punctuation string) bool { return madeOf(id, punctuation) && madeOf(secret, punctuation) }
	return of("%-._~!*'()+") || of("%-._~/") && (strings.Contains(id, "%") || strings.Contains(secret, "%"))
}

// madeOf reports whether s consists of letters, digits and some punctuation.
func madeOf(s, punctuation string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return !isAlphanumeric(c) && !strings.ContainsRune(punctuation, c) })
}

func isAlphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// fromLatin1 reads every byte as the code point of the same number.
func fromLatin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// isPrintableASCII is [printable] for nearly every text, in a tenth of the time.
func isPrintableASCII(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// printable reports whether s is UTF-8 without controls (RFC 6749 appendix A, RFC 7617 section 2).
func printable(s string) bool {
	if isPrintableASCII(s) {
		return true
	}
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
