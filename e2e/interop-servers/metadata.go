package main

import (
	"encoding/json"
	"net/http"
)

var grantTypes = []string{"authorization_code", "refresh_token", "client_credentials"}

// metadata answers with the authorization server's metadata (RFC 8414 section
// 2), which tells the one method of client authentication that there is.
func metadata(origin string) http.Handler {
	document, err := json.Marshal(map[string]any{
		"issuer":                                origin,
		"authorization_endpoint":                origin + authorizationPath,
		"token_endpoint":                        origin + tokenPath,
		"registration_endpoint":                 origin + registrationPath,
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 grantTypes,
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{methodPost},
	})
	if err != nil {
		panic(err) // strings cannot fail
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(document)
	})
}
