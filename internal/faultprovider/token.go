package faultprovider

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
)

// TokenPath is the path of the token endpoint.
const TokenPath = "/oauth2/tokens"

// TokenPrefix is the prefix of every token, so that tests find a part of one anywhere.
const TokenPrefix = "hostile_token_"

// serveToken issues tokens for a new code or refresh token. It does not read the Authorization
// field. As in package legacy, a 401 has no challenge and nothing forbids storing.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	form := r.PostForm
	grant := form.Get("code") + form.Get("refresh_token")
	switch {
	case err != nil || form.Get("client_id") == "":
		writeError(w, http.StatusBadRequest, "invalid_request", "Missing client_id parameter")
	case !p.authenticate(form.Get("client_id"), form.Get("client_secret")):
		writeError(w, http.StatusUnauthorized, "invalid_client", "The client credentials are invalid")
	case grant == "":
		writeError(w, http.StatusBadRequest, "invalid_request", "Missing required parameter: code")
	case p.record.grantCount(grant) > 1:
		writeError(w, http.StatusBadRequest, "invalid_grant", "The authorization code is invalid or expired")
	default:
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": TokenPrefix + rand.Text(), "token_type": "Bearer", "expires_in": 3600,
			"refresh_token": TokenPrefix + rand.Text(),
		})
	}
}

func (p *Provider) authenticate(id, secret string) bool {
	for _, c := range p.config.Clients {
		if c.ID == id {
			return c.Secret == secret
		}
	}
	return len(p.config.Clients) == 0 && secret != ""
}

func writeError(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
