package statuspage

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"oauthgw/internal/printable"
)

// shown returns text as it can be shown: at most limit characters of it, with
// those spelled out that have no ink, among them those that turn the direction
// of writing, and octets that are not UTF-8.
func shown(text string, limit int) string {
	var b strings.Builder
	marks := 0
	for n := 0; text != ""; {
		r, size := utf8.DecodeRuneInString(text)
		piece := text[:size]
		marks++
		if !unicode.Is(unicode.M, r) {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			piece = fmt.Sprintf(`\x%02x`, text[0])
		case !printable.IsPrint(r), marks > maxMarks:
			piece = fmt.Sprintf(`\u{%x}`, r)
		}
		if n += utf8.RuneCountInString(piece); n > limit {
			return b.String() + "…"
		}
		b.WriteString(piece)
		text = text[size:]
	}
	return b.String()
}

// Limits of what is shown of a text, in characters, and of a list.
const (
	maxName     = 80
	maxValue    = 600
	maxSentence = 800
	maxLines    = 40
	maxMarks    = 4 // on one letter; more of them pile up over other lines
)

// lines returns the lines of a text as they can be shown.
func lines(text string) []string {
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if len(out) == maxLines {
			return append(out, "…")
		}
		out = append(out, shown(line, maxSentence))
	}
	return out
}

// pieces returns a name in pieces between which a line may break.
func pieces(name string) []string { return strings.SplitAfter(name, "_") }

// span says how long a time is, in the two units that matter.
func span(d time.Duration) string {
	s := max(int64(d/time.Second), 0)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min", s/60)
	case s < 24*3600:
		return joined(s/3600, "h", s%3600/60, "min")
	}
	return joined(s/(24*3600), "d", s%(24*3600)/3600, "h")
}

func joined(n int64, unit string, rest int64, smaller string) string {
	if rest == 0 {
		return fmt.Sprintf("%d %s", n, unit)
	}
	return fmt.Sprintf("%d %s %d %s", n, unit, rest, smaller)
}

// moment is a time as the page shows it, beside how long ago it was.
type moment struct {
	Machine string // for the datetime attribute
	Clock   string
	Ago     string
}

// momentOf returns nil for the zero time.
func momentOf(t, now time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	age := now.Sub(t) // before the clock is all that is left of them
	t, now = t.UTC(), now.UTC()
	clock := "15:04:05 UTC"
	if t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		clock = "2006-01-02 15:04:05 UTC"
	}
	ago := "just now"
	if age >= time.Second {
		ago = span(age) + " ago"
	}
	return &moment{t.Format(time.RFC3339), t.Format(clock), ago}
}
