package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
)

// The client authentication methods that can be registered.
const (
	methodBasic = "client_secret_basic"
	methodPost  = "client_secret_post"
	methodNone  = "none"
)

// registration registers clients with a server (RFC 7591) and returns a registration for
// its access token (RFC 7592 section 2.1). Neither library has such an endpoint.
type registration struct {
	server server
	origin string
	known  map[string]registered
}

// registered is a stored client.
type registered struct {
	client
	token string
}

// information is the response to the client. As at many servers it does not say when the
// secret expires.
type information struct {
	client
	GrantTypes        []string `json:"grant_types"`
	ResponseTypes     []string `json:"response_types"`
	RegistrationToken string   `json:"registration_access_token"`
	RegistrationURI   string   `json:"registration_client_uri"`
}

func (r *registration) register(w http.ResponseWriter, request *http.Request) {
	var c client
	if err := json.NewDecoder(request.Body).Decode(&c); err != nil || len(c.RedirectURIs) == 0 {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_client_metadata"})
		return
	}
	c.ID, c.Secret = rand.Text(), rand.Text()
	switch c.Method {
	case "":
		c.Method = methodBasic // the default of RFC 7591 section 2
	case methodNone:
		// There are no public clients here. RFC 7591 section 3.2.1 lets a server replace
		// requested values.
		c.Method = methodPost
	}
	if err := r.server.add(c); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_client_metadata"})
		return
	}
	stored := registered{c, rand.Text()}
	r.known[c.ID] = stored
	writeJSON(w, http.StatusCreated, r.information(stored))
}

func (r *registration) read(w http.ResponseWriter, request *http.Request) {
	stored, ok := r.known[request.PathValue("id")]
	if !ok || request.Header.Get("Authorization") != "Bearer "+stored.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	writeJSON(w, http.StatusOK, r.information(stored))
}

func (r *registration) information(stored registered) information {
	return information{
		client:            stored.client,
		GrantTypes:        grantTypes,
		ResponseTypes:     []string{"code"},
		RegistrationToken: stored.token,
		RegistrationURI:   r.origin + registrationPath + "/" + stored.ID,
	}
}

func writeJSON(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // the client may have left
}

// client is a registered client, named as in RFC 7591 section 2.
type client struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"`
	Method       string   `json:"token_endpoint_auth_method"`
}

// readClients reads clients with a method from a file, because other users can see arguments.
// No file means no clients.
func readClients(file, method string) ([]client, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var clients []client
	if err := json.Unmarshal(text, &clients); err != nil {
		return nil, err
	}
	for i := range clients {
		clients[i].Method = method
	}
	return clients, nil
}
