// Package printable makes text of clients and providers safe to print: it escapes
// characters that control a terminal or change how a line reads.
//
// [Writer] escapes everything the program prints and logs, but passes line feeds and tabs.
// A caller that puts text into a line escapes it with [Text], [Quote] or [Error] as well.
package printable

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// maxQuoted bounds what [Quote] returns, in characters.
const maxQuoted = 200

// blank are the characters without ink that Unicode lists as letters, marks and symbols,
// and as neither ignorable nor variation selectors.
const blank = "\u2800\U00013441\U00013442\U00016fe4\U0001d159"

// ignorable are characters that renderers show nothing for.
var ignorable = []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// IsPrint is [strconv.IsPrint] without the characters that have no ink, with which one text
// looks like another. Control characters, bidirectional controls and line separators are not
// printable; letters of every script are.
func IsPrint(r rune) bool {
	if r < utf8.RuneSelf {
		return ' ' <= r && r <= '~'
	}
	return strconv.IsPrint(r) && !unicode.IsOneOf(ignorable, r) && !strings.ContainsRune(blank, r)
}

// Text returns s on one line, with its other characters escaped.
func Text(s string) string { return string(escape([]byte(s), IsPrint)) }

// Quote returns s in quotation marks, escaped, and cut to 200 characters.
func Quote(s string) string {
	if runes := []rune(s[:min(len(s), 4*maxQuoted)]); len(runes) > maxQuoted {
		s = string(runes[:maxQuoted])
	}
	q := []rune(Text(strconv.Quote(s)))
	if len(q) > maxQuoted {
		return string(q[:maxQuoted-2]) + `…"`
	}
	return string(q)
}

// QuoteAll returns the first few words as [Quote] does, and how many more there are.
func QuoteAll(words []string) string {
	const limit = 5
	var quoted []string
	for _, w := range words[:min(len(words), limit)] {
		quoted = append(quoted, Quote(w))
	}
	if more := len(words) - limit; more > 0 {
		return strings.Join(quoted, ", ") + " and " + strconv.Itoa(more) + " more"
	}
	return strings.Join(quoted, ", ")
}

// ASCII is [Text] that escapes everything but printable ASCII.
func ASCII(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Error returns err with its message as [Text], or nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return escapedError{err}
}

type escapedError struct{ error }

// Error implements [error].
func (e escapedError) Error() string { return Text(e.error.Error()) }

// Unwrap returns the original error.
func (e escapedError) Unwrap() error { return e.error }

// Writer returns a writer that escapes text on its way to w. JSON remains the same JSON: its
// encoders leave such characters in strings only, where the escapes mean the characters.
// Each call must write whole characters.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

// Write implements [io.Writer].
func (w writer) Write(p []byte) (int, error) {
	keep := func(r rune) bool { return r == '\n' || r == '\t' || IsPrint(r) }
	if utf8.Valid(p) && !bytes.ContainsFunc(p, func(r rune) bool { return !keep(r) }) {
		return w.Writer.Write(p)
	}
	if _, err := w.Writer.Write(escape(p, keep)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// escape returns a text with the characters that it does not keep escaped as in JSON. Bytes
// that are not UTF-8 become escapes such as \xff, which JSON does not have.
func escape(text []byte, keep func(rune) bool) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch high, low := utf16.EncodeRune(r); {
		case r == utf8.RuneError && size == 1:
			out = fmt.Appendf(out, `\x%02x`, text[0])
		case keep(r):
			out = append(out, text[:size]...)
		case high != utf8.RuneError:
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}
