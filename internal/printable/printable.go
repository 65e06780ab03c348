// Package printable makes text of clients and providers safe to print: it escapes
// characters that control a terminal or change how a line reads.
//
// [Writer] passes line feeds and tabs, so text in a line needs [Text] or [Quote] as well.
package printable

import (
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Characters without ink, also those that Unicode lists as letters, marks and symbols.
const blank = "\u2800\U00013441\U00013442\U00016fe4\U0001d159"

var ignorable = []*unicode.RangeTable{unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector}

// IsPrint is [strconv.IsPrint] without characters that have no ink, which disguise a text.
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
	const maxQuoted = 200
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
		quoted = append(quoted, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(quoted, ", ")
}

// ASCII is [Text] that escapes everything but printable ASCII.
func ASCII(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// RedactYAML returns a YAML error on one line, without quoted values, which may be secrets.
func RedactYAML(text string) string {
	return strings.Join(strings.Fields(yamlValue.ReplaceAllString(text, "[value]")), " ")
}

var yamlValue = regexp.MustCompile("`[^`]*`")

// Writer returns a writer that escapes text on its way to w, which JSON encoders leave in
// strings only, and there the escapes mean the same. Each call must write whole characters.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

func (w writer) Write(p []byte) (int, error) {
	if isPlain(p) { // as nearly every line of a log
		return w.Writer.Write(p)
	}
	_, err := w.Writer.Write(escape(p, func(r rune) bool { return r == '\n' || r == '\t' || IsPrint(r) }))
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// isPlain reports whether text is printable ASCII, line feeds and tabs.
func isPlain(text []byte) bool {
	for _, c := range text {
		if (c < ' ' || c > '~') && c != '\n' && c != '\t' {
			return false
		}
	}
	return true
}

// escape escapes what keep rejects as JSON does, and bytes that are not UTF-8 as \xff.
func escape(text []byte, keep func(rune) bool) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			out = fmt.Appendf(out, `\x%02x`, text[0])
		case keep(r):
			out = append(out, text[:size]...)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
		text = text[size:]
	}
	return out
}

// Panic describes a recovered panic by the type of its value and the running functions,
// without values, which may be secrets. The deferred function that recovers must call it.
func Panic(value any) (kind, functions string) {
	callers := make([]uintptr, 32)
	callers = callers[:runtime.Callers(4, callers)] // skips itself, the deferred function and the runtime's
	frames := runtime.CallersFrames(callers)
	var lines []string
	for {
		frame, more := frames.Next()
		lines = append(lines, fmt.Sprintf("%s:%d", frame.Function, frame.Line))
		if !more {
			return fmt.Sprintf("%T", value), strings.Join(lines, " < ")
		}
	}
}
