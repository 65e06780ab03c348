package faultprovider

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
)

// TokenPath is the path of the token endpoint.
const TokenPath = "/oauth2/tokens"

// TokenPrefix begins every token that is issued, so that also a part of one is
// recognised wherever it turns up.
const TokenPrefix = "hostile_token_"

// serve answers as a well-behaved provider does.
func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == TokenPath && r.Method == http.MethodPost {
		p.serveToken(w, r)
		return
	}
	p.rest.ServeHTTP(w, r)
}

// serveToken trades a code or a refresh token that comes for the first time,
// presented by a client that is known by what the form says of it. The
// Authorization field is not read. A 401 has no challenge and nothing forbids
// storing, as with package legacy.
func (p *Provider) serveToken(w http.ResponseWriter, r *http.Request) {
	err := r.ParseForm()
	form := r.PostForm
	grant := form.Get("code") + form.Get("refresh_token")
	switch {
	case err != nil || form.Get("client_id") == "":
		writeRefusal(w, http.StatusBadRequest, "invalid_request", "Missing client_id parameter")
	case !p.knows(form.Get("client_id"), form.Get("client_secret")):
		writeRefusal(w, http.StatusUnauthorized, "invalid_client", "The client credentials are invalid")
	case grant == "":
		writeRefusal(w, http.StatusBadRequest, "invalid_request", "Missing required parameter: code")
	case p.memory.count(grant) > 1:
		writeRefusal(w, http.StatusBadRequest, "invalid_grant", "The authorization code is invalid or expired")
	default:
		writeJSON(w, http.StatusOK, map[string]any{
			"access_token": TokenPrefix + rand.Text(), "token_type": "Bearer", "expires_in": 3600,
			"refresh_token": TokenPrefix + rand.Text(),
		})
	}
}

func (p *Provider) knows(id, secret string) bool {
	for _, c := range p.config.Clients {
		if c.ID == id {
			return c.Secret == secret
		}
	}
	return len(p.config.Clients) == 0 && secret != ""
}

func writeRefusal(w http.ResponseWriter, status int, code, description string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": description})
}

// writeJSON answers with a value, which must be one that marshals.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// document returns the metadata that a well-behaved provider publishes.
func (x *exchange) document() map[string]any {
	document := map[string]any{}
	_ = json.Unmarshal(x.honest().body.Bytes(), &document)
	return document
}
