package legacy

import (
	"encoding/json"
	"net/http"
)

// refusal is an answer other than success in the shape of RFC 6749 section
// 5.2. A 401 has no WWW-Authenticate and none has Cache-Control, although the
// section demands both: the original left them out.
type refusal struct {
	status      int
	code        string
	description string
}

// The refusals of the token and the revocation endpoint.
var (
	noClientID = &refusal{http.StatusBadRequest,
		"invalid_request", "Missing client_id parameter"}
	invalidClient = &refusal{http.StatusUnauthorized,
		"invalid_client", "The client credentials are invalid"}
	badGrantType = &refusal{http.StatusBadRequest,
		"unsupported_grant_type", "The grant type is missing or unsupported"}
	malformed = &refusal{http.StatusBadRequest,
		"invalid_request", "The request is missing required parameters or is otherwise malformed"}
	badCode = &refusal{http.StatusBadRequest,
		"invalid_grant", "The authorization code is invalid or expired"}
	badVerifier = &refusal{http.StatusBadRequest,
		"invalid_grant", "The PKCE code verifier is invalid"}
	badRefreshToken = &refusal{http.StatusBadRequest,
		"invalid_grant", "The refresh token is invalid or expired"}
	badResource = &refusal{http.StatusBadRequest,
		"invalid_target", "The resource parameter is invalid"}
	noToken = &refusal{http.StatusBadRequest,
		"invalid_request", "Missing token parameter"}
)

// The refusals of registration and its management (RFC 7591 section 3.2.2,
// RFC 7592 section 2).
var (
	badClientMetadata = &refusal{http.StatusBadRequest,
		"invalid_client_metadata", "The client metadata is not JSON or names a method that is not supported"}
	badRedirectURI = &refusal{http.StatusBadRequest,
		"invalid_redirect_uri", "At least one redirect URI is needed, and each must be absolute and without a fragment"}
	manyClients = &refusal{http.StatusServiceUnavailable,
		"temporarily_unavailable", "No more clients can be registered; delete one first"}
	badRegistrationToken = &refusal{http.StatusUnauthorized,
		"invalid_token", "The registration access token is invalid"}
)

// missingParameter returns the refusal of a request without a parameter that
// its grant requires.
func missingParameter(name string) *refusal {
	return &refusal{http.StatusBadRequest, "invalid_request", "Missing required parameter: " + name}
}

// writeRefusal answers with the refusal.
func writeRefusal(w http.ResponseWriter, r *refusal) {
	writeJSON(w, r.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{r.code, r.description})
}

// writeMessage answers in the shape of the original outside of OAuth.
func writeMessage(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, struct {
		Message string `json:"message"`
	}{message})
}

// writeMethodNotAllowed answers a method that the path does not have (RFC 9110
// section 15.5.6).
func writeMethodNotAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	w.WriteHeader(http.StatusMethodNotAllowed)
}

// writeJSON answers with the value, which must be one that marshals. A failed
// write is not reported: the client is gone.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}
