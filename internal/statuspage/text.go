package statuspage

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"oauthgw/internal/printable"
)

const (
	maxName  = 80 // characters
	maxText  = 800
	maxLines = 40
)

// marks are more combining marks than a letter has: they would cover other lines.
var marks = regexp.MustCompile(`(\pM{4})\pM+`)

// shown returns at most limit characters of a text, with unprintable ones escaped.
func shown(text string, limit int) string {
	text = text[:min(len(text), (limit+1)*utf8.UTFMax)]
	out := []rune(printable.Text(marks.ReplaceAllString(text, "$1…")))
	if len(out) > limit {
		return string(out[:limit]) + "…"
	}
	return string(out)
}

// lines returns the first lines of an error. The last one ends with the others.
func lines(err error) []string {
	out := strings.SplitN(strings.TrimSpace(err.Error()), "\n", maxLines)
	for i, line := range out {
		out[i] = shown(line, maxText)
	}
	return out
}

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

func ago(t, now time.Time) string { return duration(t, now) + " ago" }

// clock returns a time in UTC, without the date if that is today's.
func clock(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05 UTC")
	}
	return t.Format(time.DateTime + " UTC")
}
