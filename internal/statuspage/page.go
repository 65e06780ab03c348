package statuspage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"oauthgw/internal/printable"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	style string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"text":  func(s string) string { return shown(s, maxText) },
		"short": func(s string) string { return shown(s, maxName) },
		"lines": lines,
		// A line may break after a piece.
		"pieces":   func(s string) []string { return strings.SplitAfter(shown(s, maxName), "_") },
		"values":   func(s string) []string { return strings.SplitAfter(shown(s, maxText), ",") },
		"plural":   plural,
		"ago":      ago,
		"duration": duration,
		"clock":    clock,
		"at":       func(t, now time.Time) any { return struct{ Time, Now time.Time }{t, now} },
		"compare":  compare,
		"title":    title,
		// #nosec G203 -- it is the file page.css
		"style": func() template.CSS { return template.CSS(style) },
	}).Parse(pageText))
)

const refreshSeconds = 30 // unless the page is paused

// Page returns the page. The template passes every text of the facts through text, short,
// lines, pieces or values. A paused page does not refresh itself.
func Page(f Facts, paused bool) ([]byte, error) {
	rows, totals := countTable(f.Counts)
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		Facts
		Paused         bool
		RefreshSeconds int
		Rule           string
		Tiles          []tile
		Columns        [len(columns)]string
		Rows           []countRow
		Totals         [len(columns)]uint64
		Tables         []groupTable
	}{f, paused, refreshSeconds, authenticationRule, tiles(f), columns, rows, totals, groupTables(f.Groups)})
	return b.Bytes(), err
}

// The policy forbids everything but the page's own style.
var (
	styleHash = sha256.Sum256([]byte(style))
	policy    = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(styleHash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// Handler serves the page with the current facts.
func Handler(facts func() Facts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := Page(facts(), r.URL.Query().Has("paused"))
		if err != nil {
			http.Error(w, "cannot render the page", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		_, _ = w.Write(text)
	})
}

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
