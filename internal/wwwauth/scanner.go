package wwwauth

import "strings"

// scanner reads a field from the front.
type scanner struct {
	text string
	at   int
}

// take reads the bytes that are of a kind.
func (s *scanner) take(is func(byte) bool) string {
	start := s.at
	for s.at < len(s.text) && is(s.text[s.at]) {
		s.at++
	}
	return s.text[start:s.at]
}

// takeEquals reads the equals sign of a parameter, with the white space around it. If
// there is none, it reads nothing.
func (s *scanner) takeEquals() bool {
	start := s.at
	s.take(isSpace)
	if s.at == len(s.text) || s.text[s.at] != '=' {
		s.at = start
		return false
	}
	s.at++
	s.take(isSpace)
	return true
}

// takeToken68 reads a token68 behind a scheme. If there is none, it reads nothing.
func (s *scanner) takeToken68() {
	start := s.at
	s.take(isSpace)
	s.take(isToken68Char)
	s.take(func(c byte) bool { return c == '=' })
	end := s.at
	s.take(isSpace)
	if s.at < len(s.text) && s.text[s.at] != ',' {
		end = start
	}
	s.at = end
}

// parameterValue reads a value, quoted or not.
func (s *scanner) parameterValue() (p Parameter, ok bool) {
	p.start = s.at
	if s.at < len(s.text) && s.text[s.at] == '"' {
		p.Value, ok = s.quotedString()
	} else {
		p.Value = s.take(func(c byte) bool { return !isSeparator(c) })
		ok = p.Value != "" && !strings.Contains(p.Value, `"`)
	}
	p.end = s.at
	return p, ok
}

// quotedString reads a quoted-string and returns its text.
func (s *scanner) quotedString() (string, bool) {
	var text []byte
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return string(text), true
		case c == '\\' && s.at+1 < len(s.text):
			s.at++
		}
		text = append(text, s.text[s.at])
	}
	return "", false
}

// atSeparator reports whether an element may end here.
func (s *scanner) atSeparator() bool { return s.at == len(s.text) || isSeparator(s.text[s.at]) }

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func isSeparator(c byte) bool { return isSpace(c) || c == ',' }

// isTokenChar reports whether c is a tchar (RFC 9110 section 5.6.2).
func isTokenChar(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// isToken68Char reports whether c is part of a token68 (RFC 9110 section 11.2), in front
// of its padding.
func isToken68Char(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("-._~+/", c) >= 0 }

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
