package gateway

import (
	"strings"
	"unicode/utf8"
)

// decodeOnce decodes each escape once. What is no escape does not change.
func decodeOnce(p string) string {
	at := strings.IndexByte(p, '%')
	if at < 0 {
		return p
	}
	out := append(make([]byte, 0, len(p)), p[:at]...)
	for i := at; i < len(p); i++ {
		if p[i] == '%' && i+2 < len(p) {
			if high, low := unhex(p[i+1]), unhex(p[i+2]); high < 16 && low < 16 {
				out = append(out, high<<4|low)
				i += 2
				continue
			}
		}
		out = append(out, p[i])
	}
	return string(out)
}

// unhex returns the value of a hexadecimal digit, or 16.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// printableASCII returns a path as servers see it that drop control characters, other scripts
// and bytes that are not UTF-8. Overlong UTF-8 becomes the character that it encodes, and
// characters become the ASCII characters that they fold to.
func printableASCII(p string) string {
	if !strings.ContainsFunc(p, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return p
	}
	out := make([]byte, 0, len(p))
	for i := 0; i < len(p); {
		c, size := utf8.DecodeRuneInString(p[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			c, size = overlong(p[i:])
		case c == 0x212a:
			c = 'k' // the Kelvin sign
		case c == 0x17f:
			c = 's' // the long s
		case c == 0x130, c == 0x131:
			c = 'i' // with a dot in upper case, and without one in lower case
		case 0xff01 <= c && c <= 0xff5e:
			c -= 0xff01 - '!'
		}
		if '!' <= c && c <= '~' {
			out = append(out, byte(c))
		}
		i += size
	}
	return string(out)
}

// overlong decodes an ASCII character in two to four bytes, which UTF-8 forbids (RFC 3629
// section 3). Otherwise it returns the error rune and one byte.
func overlong(p string) (c rune, size int) {
	switch lead := p[0]; lead {
	case 0xc0, 0xc1:
		c, size = rune(lead&1), 2
	case 0xe0:
		size = 3
	case 0xf0:
		size = 4
	}
	if len(p) < size {
		return utf8.RuneError, 1
	}
	for i := 1; i < size; i++ {
		if p[i]&0xc0 != 0x80 {
			return utf8.RuneError, 1
		}
		c = c<<6 | rune(p[i]&0x3f)
	}
	if size == 0 || c >= utf8.RuneSelf {
		return utf8.RuneError, 1
	}
	return c, size
}
