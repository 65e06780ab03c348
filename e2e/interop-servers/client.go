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
	Method       string   `json:"token_endpoint_auth_method"`
}

// readClients reads the clients from a file, because their secrets have no
// place in arguments. No file means none.
func readClients(file string) ([]client, error) {
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
		clients[i].Method = methodPost
	}
	return clients, nil
}
