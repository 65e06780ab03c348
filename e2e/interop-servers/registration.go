package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
)

// The client authentication methods that can be registered.
const (
	methodBasic = "client_secret_basic"
	methodPost  = "client_secret_post"
	methodNone  = "none"
)

// registration registers clients (RFC 7591) with a server, and tells whoever
// holds the registration access token what it keeps of a client (RFC 7592
// section 2.1). Neither library has an endpoint of its own for it.
type registration struct {
	server server
	origin string
	known  map[string]registered
}

// registered is what is kept of a client.
type registered struct {
	client
	token string
}

// information is what a client is told. Like many servers it says nothing of
// when the secret expires.
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
		// There are no public clients here. RFC 7591 section 3.2.1 lets a server
		// put another value in the place of one that it does not take.
		c.Method = methodPost
	}
	if err := r.server.add(c); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_client_metadata"})
		return
	}
	kept := registered{c, rand.Text()}
	r.known[c.ID] = kept
	writeJSON(w, http.StatusCreated, r.information(kept))
}

func (r *registration) read(w http.ResponseWriter, request *http.Request) {
	kept, ok := r.known[request.PathValue("id")]
	if !ok || request.Header.Get("Authorization") != "Bearer "+kept.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	writeJSON(w, http.StatusOK, r.information(kept))
}

func (r *registration) information(kept registered) information {
	return information{
		client:            kept.client,
		GrantTypes:        grantTypes,
		ResponseTypes:     []string{"code"},
		RegistrationToken: kept.token,
		RegistrationURI:   r.origin + registrationPath + "/" + kept.ID,
	}
}

func writeJSON(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // a client that is gone needs no answer
}
