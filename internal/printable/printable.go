// Package printable makes text of clients and providers safe to print: it escapes
// characters that control a terminal or change how a line reads.
//
// [IsPrint] reports which characters stay. Control characters (C0, DEL, C1),
// bidirectional controls, line separators, characters that renderers ignore, variation
// selectors and blank letters and symbols are escaped. Other letters of every script
// stay. Bytes that are not UTF-8 are escaped as well.
//
// The program's output and its logs pass through [Writer], so that no caller can
// forget it. Only line feeds and tabs pass there: a caller that puts text into a line
// uses [Text], [Quote] or [Error], so that the text stays in that line.
package printable

import (
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

// blank are the characters without ink that Unicode lists as letters, marks and
// symbols, and as neither ignorable nor variation selectors.
const blank = "\u2800\U00013441\U00013442\U00016fe4\U0001d159"

// ignorable are characters that renderers show nothing for.
var ignorable = []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// IsPrint is [strconv.IsPrint] without the characters that have no ink, with which
// one text looks like another.
func IsPrint(r rune) bool {
	return strconv.IsPrint(r) && !unicode.IsOneOf(ignorable, r) && !strings.ContainsRune(blank, r)
}

// Text returns s on one line, with its harmful characters escaped.
func Text(s string) string { return string(escape([]byte(s), "")) }

// Quote returns s in quotation marks with its harmful characters escaped, cut where
// it is long. The marks separate it from the words around it.
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

// ASCII is [Text] that escapes everything but printable ASCII, so that no character
// looks like another.
func ASCII(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// Error returns err with its message as [Text]. Nil stays nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	return plainError{err}
}

type plainError struct{ error }

// Error implements [error].
func (e plainError) Error() string { return Text(e.error.Error()) }

// Unwrap returns the error whose message is escaped.
func (e plainError) Unwrap() error { return e.error }

// Writer returns a writer that escapes the harmful characters of what it passes to
// w. JSON remains the same JSON: its encoders leave such characters in strings only,
// where the escapes mean the characters. It takes whole characters in each call.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

// Write implements [io.Writer].
func (w writer) Write(p []byte) (int, error) {
	const lines = "\n\t"
	if plain(p, lines) == len(p) {
		return w.Writer.Write(p)
	}
	if _, err := w.Writer.Write(escape(p, lines)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// plain returns how many bytes of a text stand before its first harmful character.
// The characters in kept, of ASCII, are not harmful.
func plain(text []byte, kept string) int {
	for i := 0; i < len(text); {
		if c := text[i]; ' ' <= c && c <= '~' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if isHarmful(r, size, kept) {
			return i
		}
		i += size
	}
	return len(text)
}

func isHarmful(r rune, size int, kept string) bool {
	return r == utf8.RuneError && size == 1 || !IsPrint(r) && !strings.ContainsRune(kept, r)
}

// escape returns a text with its harmful characters escaped as in JSON. Bytes that
// are not UTF-8, which JSON does not hold, become escapes such as \xff.
func escape(text []byte, kept string) []byte {
	var out []byte
	for {
		n := plain(text, kept)
		out, text = append(out, text[:n]...), text[n:]
		if len(text) == 0 {
			return out
		}
		r, size := utf8.DecodeRune(text)
		switch high, low := utf16.EncodeRune(r); {
		case r == utf8.RuneError:
			out = fmt.Appendf(out, `\x%02x`, text[0])
		case high != utf8.RuneError:
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
}
