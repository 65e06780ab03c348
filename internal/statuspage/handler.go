package statuspage

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

var (
	//go:embed page.html
	pageText string
	//go:embed page.css
	style string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"plural": plural,
		// #nosec G203 -- it is the file beside this one
		"style": func() template.CSS { return template.CSS(style) },
	}).Parse(pageText))
)

// Page returns the page.
func Page(f Facts) ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, viewOf(f))
	return b.Bytes(), err
}

// policy forbids the page everything but its own style, so that nothing that
// slipped into it could do anything.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// Handler answers every request with the page of the facts of its moment.
func Handler(facts func() Facts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		text, err := Page(facts())
		if err != nil {
			http.Error(w, "the page cannot be written", http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		_, _ = w.Write(text) // whoever is gone needs no page
	})
}
