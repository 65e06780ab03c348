package legacy

import (
	"fmt"
	"html"
	"net/http"
)

// page is the frame of everything that is meant for people. The title and the
// body are HTML.
const page = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>%[1]s</title></head>
<body>
<h1>%[1]s</h1>
%[2]s
</body>
</html>
`

// serveDashboard answers what no route knows: the original is a single-page
// application whose router runs in the browser, so a GET of any path is a 200
// with HTML. That includes /.well-known/openid-configuration, which misleads
// clients that look no further than the status.
func serveDashboard(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeMessage(w, http.StatusNotFound, "Route not found.")
		return
	}
	writePage(w, http.StatusOK, "Dashboard", "<p>A legacy OAuth provider.</p>")
}

// writePage answers with a page. The title is text, the body is HTML.
func writePage(w http.ResponseWriter, status int, title, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, page, html.EscapeString(title), body)
}
