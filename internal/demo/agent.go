package demo

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"oauthgw/internal/legacy"
)

// agent is the client that an administrator registered for an agent. The agent never has the secret.
var agent = legacy.Client{ID: "demo-agent", Secret: "demo-agent-secret", RedirectURIs: []string{"http://127.0.0.1/callback"}}

const (
	agentRedirect = "http://127.0.0.1:1/callback" // an agent listens at any free port
	registration  = `{"token_endpoint_auth_method":"none","redirect_uris":["` + agentRedirect + `"]}`
)

// compareAgent prints how provider and gateway answer an agent that registers and holds no secret.
func (d *demo) compareAgent(w io.Writer) error {
	fmt.Fprintf(w, "An agent holds no secret and registers itself. This provider demands a secret and\n"+
		"registers no clients. oauthgw keeps the secret of a client that an administrator\nregistered for the agent:\n\n"+
		"  POST /register   %s\n\n", registration)
	register := request{path: "/register", mediaType: "application/json", body: registration}
	registered, err := d.sendToBoth(w, register, http.StatusNotFound, http.StatusCreated)
	if err != nil {
		return err
	}
	form, err := agentLogin(d.gateway, fmt.Sprint(registered["client_id"]))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "The user has consented through oauthgw. The agent has an ID, a code and the PKCE\nverifier of its request, and sends them:\n\n"+
		"  POST /oauth2/tokens   grant_type=authorization_code&client_id=%v&code=…&code_verifier=…\n\n", registered["client_id"])
	if _, err := d.sendToBoth(w, request{path: tokenPath, body: form}, http.StatusBadRequest, http.StatusOK); err != nil {
		return err
	}
	fmt.Fprint(w, "The agent has a token and no secret. The provider received the secret from oauthgw.\n\n")
	return nil
}

// agentLogin obtains a code with PKCE (RFC 7636), and returns the form that redeems it.
func agentLogin(origin, id string) (form string, err error) {
	verifier := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	code, err := authorize(origin, url.Values{
		"client_id": {id}, "redirect_uri": {agentRedirect},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	})
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {id}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {agentRedirect},
	}.Encode(), err
}
