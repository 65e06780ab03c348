package legacy

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
)

// oauthError is an error response (RFC 6749 section 5.2). As in the original, a 401 has no
// WWW-Authenticate and none has Cache-Control.
type oauthError struct {
	status      int
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// The errors of the token and the revocation endpoint.
var (
	errNoClientID    = &oauthError{400, "invalid_request", "Missing client_id parameter"}
	errInvalidClient = &oauthError{401, "invalid_client", "The client credentials are invalid"}
	errGrantType     = &oauthError{400, "unsupported_grant_type", "The grant type is missing or unsupported"}
	errMalformed     = &oauthError{400, "invalid_request", "The request is missing required parameters or is otherwise malformed"}
	errInvalidCode   = &oauthError{400, "invalid_grant", "The authorization code is invalid or expired"}
	errVerifier      = &oauthError{400, "invalid_grant", "The PKCE code verifier is invalid"}
	errRefreshToken  = &oauthError{400, "invalid_grant", "The refresh token is invalid or expired"}
	errResource      = &oauthError{400, "invalid_target", "The resource parameter is invalid"}
	errNoToken       = &oauthError{400, "invalid_request", "Missing token parameter"}
)

// The errors of registration and its management (RFC 7591 section 3.2.2, RFC 7592 section 2).
var (
	errClientMetadata    = &oauthError{400, "invalid_client_metadata", "The client metadata is not JSON or names a method that is not supported"}
	errRedirectURI       = &oauthError{400, "invalid_redirect_uri", "At least one redirect URI is needed, and each must be absolute and without a fragment"}
	errTooManyClients    = &oauthError{503, "temporarily_unavailable", "No more clients can be registered; delete one first"}
	errRegistrationToken = &oauthError{401, "invalid_token", "The registration access token is invalid"}
)

func errMissing(parameter string) *oauthError {
	return &oauthError{400, "invalid_request", "Missing required parameter: " + parameter}
}

func writeError(w http.ResponseWriter, err *oauthError) { writeJSON(w, err.status, err) }

// writeMessage writes a message in the original's form outside of OAuth.
func writeMessage(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"message": message})
}

func writeMethodNotAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	w.WriteHeader(http.StatusMethodNotAllowed)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}

// page is an HTML page with a title and a body.
const page = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>%[1]s</title></head>
<body>
<h1>%[1]s</h1>
%[2]s
</body>
</html>
`

// serveDashboard serves all other paths: the original is a single-page application, so a GET
// of any path is a 200 with HTML, even of /.well-known/openid-configuration.
func serveDashboard(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeMessage(w, http.StatusNotFound, "Route not found.")
		return
	}
	writePage(w, http.StatusOK, "Dashboard", "<p>A legacy OAuth provider.</p>")
}

// writePage writes a page. The title is text, the body is HTML.
func writePage(w http.ResponseWriter, status int, title, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, page, html.EscapeString(title), body)
}
