package jsonobject

import (
	"encoding/json"
	"strings"
)

// maxPlain limits how many names [parsePlain] compares with each other.
const maxPlain = 32

// parsePlain parses the usual object in one pass: at most maxPlain members, whose names need no
// decoding. It returns false for any other text, which may be valid too.
func parsePlain(text []byte) (Object, bool) {
	rest, ok := cutByte(text, '{')
	if !ok {
		return Object{}, false
	}
	if after, empty := cutByte(rest, '}'); empty {
		return Object{}, len(after) == 0
	}
	o := Object{make([]Member, 0, 8)}
	for len(o.members) < maxPlain {
		m, after, ok := cutMember(rest)
		if !ok || o.index(m.Name) >= 0 {
			return Object{}, false
		}
		o.members = append(o.members, m)
		if rest, ok = cutByte(after, ','); !ok {
			rest, ok = cutByte(after, '}')
			return o, ok && len(rest) == 0
		}
	}
	return Object{}, false
}

// cutMember returns the member at the start of the text, and the text after it.
func cutMember(text []byte) (m Member, after []byte, ok bool) {
	n := plainLen(text)
	if n == 0 {
		return m, nil, false
	}
	m.Name = string(text[1 : n-1])
	if text, ok = cutByte(text[n:], ':'); !ok {
		return m, nil, false
	}
	if n = plainLen(text); n == 0 {
		n = valueLen(text)
		ok = json.Valid(text[:n])
	}
	m.Value = text[:n:n]
	return m, text[n:], ok
}

// cutByte returns the text after a byte and without white space around the byte (RFC 8259
// section 2), or false if the text starts with another byte.
func cutByte(text []byte, first byte) ([]byte, bool) {
	text = trimSpace(text)
	if len(text) == 0 || text[0] != first {
		return nil, false
	}
	return trimSpace(text[1:]), true
}

func trimSpace(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

func isSpace(c byte) bool { return strings.IndexByte(" \t\r\n", c) >= 0 }

// plainLen returns the length of the string at the start of the text, or 0 if there is none or
// it holds anything but printable ASCII without escapes.
func plainLen(text []byte) int {
	if len(text) == 0 || text[0] != '"' {
		return 0
	}
	for i, c := range text[1:] {
		switch {
		case c == '"':
			return i + 2
		case c < ' ', c > '~', c == '\\':
			return 0
		}
	}
	return 0
}

// valueLen returns the length of the value at the start of the text. Quotes and brackets tell
// where it ends, but not whether it is valid.
func valueLen(text []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
			continue
		case quoted:
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '{', c == '[':
			depth++
		case depth == 0 && (c == ',' || c == '}' || isSpace(c)):
			return i // after a number or a word
		case c == '}', c == ']':
			depth--
		default:
			continue
		}
		if depth == 0 && !quoted {
			return i + 1
		}
	}
	return len(text)
}
