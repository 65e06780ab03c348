package clientauth

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Decoding tells how the two halves of a Basic pair are decoded.
type Decoding string

// RFC 6749 section 2.3.1 wants the halves form-encoded; many clients send
// them as they are.
const (
	// DecodingAuto decides for each pair whether a form encoder made it.
	DecodingAuto Decoding = "auto"
	// DecodingForm takes every pair as form-encoded, as the standard says.
	DecodingForm Decoding = "form"
	// DecodingRaw takes every pair as it is.
	DecodingRaw Decoding = "raw"
)

// Reading tells how one Basic pair was understood.
type Reading string

// The readings of a pair.
const (
	// ReadingPlain is a pair without percent sign and plus, which means the
	// same either way.
	ReadingPlain Reading = "plain"
	// ReadingForm is a pair form-decoded because the configuration says so.
	ReadingForm Reading = "form"
	// ReadingRaw is a pair taken as it is, because the configuration says so or
	// because no form encoder could have made it.
	ReadingRaw Reading = "raw"
	// ReadingAmbiguous is a pair form-decoded by DecodingAuto, whose octets
	// could also be an unencoded pair. The client may be pinned to one
	// decoding.
	ReadingAmbiguous Reading = "ambiguous"
)

// decode returns the two halves of a pair as UTF-8 text without control
// characters.
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
	// The standard wants UTF-8 (RFC 6749 appendix B); clients older than it
	// send Latin-1. A client writes both halves in one encoding.
	if d != DecodingForm && !(utf8.ValidString(id) && utf8.ValidString(secret)) {
		id, secret = fromLatin1(id), fromLatin1(secret)
	}
	if !printable(id) || !printable(secret) {
		return "", "", reading, ErrBasicCharacter
	}
	if id == "" {
		return "", "", reading, ErrEmptyClientID
	}
	return id, secret, reading, nil
}

// reading decides how a pair is to be understood.
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

// formEncoded reports whether a form encoder could have made a pair.
//
// Form encoders differ in the punctuation they leave literal, but none leaves
// more than one of the two sets below, and all turn every other byte into a
// plus or an escape. So one byte outside the set proves the pair unencoded.
// The halves are judged together, since one encoder made both; the second set
// is for an encoder that leaves the slash, and wants an escape besides, because
// a slash alone is common in unencoded base64.
//
// It is wrong for two kinds of unencoded pair: one whose only special
// character is the plus, and one that holds a percent sign followed by two hex
// digits and nothing outside the set. Their octets are what an encoder sends
// for another secret, so no rule can tell; such a client is pinned by
// configuration.
func formEncoded(id, secret string) bool {
	const common, slash = "-._~!*'()+", "-._~/"
	return madeOf(id, common) && madeOf(secret, common) ||
		madeOf(id, slash) && madeOf(secret, slash) && (strings.Contains(id, "%") || strings.Contains(secret, "%"))
}

// madeOf reports whether s consists of letters, digits, valid escapes and the
// given punctuation.
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
	for i := 0; i < len(s); i++ {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// printable reports whether s is UTF-8 without control characters, as RFC 6749
// appendix A and RFC 7617 section 2 want credentials to be.
func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, unicode.IsControl) < 0
}
