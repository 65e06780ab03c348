package main

import (
	"encoding/json"
	"os"
)

// client is a registered client, named as in RFC 7591 section 2.
type client struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"`
}

// readClients reads the clients from a file, because their secrets have no
// place in arguments.
func readClients(file string) ([]client, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var clients []client
	return clients, json.Unmarshal(text, &clients)
}
