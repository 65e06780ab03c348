package statuspage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
	"time"
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
