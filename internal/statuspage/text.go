package statuspage

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"oauthgw/internal/printable"
)

// The limits of text on the page, in characters, and of lines and combining marks.
const (
	maxName  = 80
	maxText  = 800
	maxLines = 40
	maxMarks = 4 // on one letter; more would cover other lines
)

// shown returns at most limit characters of a text, with unprintable ones escaped.
func shown(text string, limit int) string {
	var b strings.Builder
	for n, marks := 0, 0; text != ""; {
		r, size := utf8.DecodeRuneInString(text)
		piece := printable.Text(text[:size])
		if !unicode.Is(unicode.M, r) {
			marks = 0
		} else if marks++; marks > maxMarks {
			piece = printable.ASCII(text[:size])
		}
		if n += utf8.RuneCountInString(piece); n > limit {
			return b.String() + "…"
		}
		b.WriteString(piece)
		text = text[size:]
	}
	return b.String()
}

// lines returns the lines of a text as they are shown.
func lines(text string) []string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if len(out) == maxLines {
			return append(out, "…")
		}
		out = append(out, shown(line, maxText))
	}
	return out
}

// pieces returns a name in pieces between which a line may break.
func pieces(name string) []string { return strings.SplitAfter(shown(name, maxName), "_") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// duration returns the time between two moments in its two largest units.
func duration(from, to time.Time) string {
	s := max(int64(to.Sub(from)/time.Second), 0)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min", s/60)
	case s < 24*3600:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%d d %d h", s/(24*3600), s%(24*3600)/3600)
}

func ago(t, now time.Time) string {
	if now.Sub(t) < time.Second {
		return "just now"
	}
	return duration(t, now) + " ago"
}

// clock returns a time in UTC, without the date if that is today's.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05 UTC")
	}
	return t.Format("2006-01-02 15:04:05 UTC")
}
