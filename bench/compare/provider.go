package main

import (
	"bytes"
	"fmt"
	"net"
	"strings"
)

// provide answers as a provider would, with next to no work, at an address.
func provide(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go serve(newWire(c))
	}
}

func serve(w *wire) {
	defer func() { _ = w.Close() }()
	for {
		head, body, err := w.next()
		if err != nil {
			return
		}
		if _, err := w.Write(replyTo(head, body)); err != nil {
			return
		}
	}
}

var (
	byForm     = reply("200 OK", "application/json", `{"credentials":"form",`+token)
	byHeader   = reply("200 OK", "application/json", `{"credentials":"header",`+token)
	described  = reply("200 OK", "application/json", metadata)
	registered = reply("201 Created", "application/json", strings.TrimSuffix(
		strings.Replace(registration, "client_secret_basic", "client_secret_post", 1), "}")+
		`,"client_id":"5e7a9c1b","client_secret":"gX1fBat3bV","client_secret_expires_at":0,"client_id_issued_at":1767225600,`+
		`"registration_access_token":"this.is.an.access.token.value.ffx83","registration_client_uri":"`+origin+`/oauth2/register/5e7a9c1b"}`)
	shown    = reply("200 OK", "text/html", page)
	stranger = bare("401 Unauthorized", `{"error":"invalid_client"}`)
	unknown  = bare("400 Bad Request", `{"error":"invalid_client"}`)
)

// token is the rest of an answer to a token request. What is signed has the
// length that it has at real providers.
var token = `"access_token":"` + strings.Repeat("eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9", 16) +
	`","token_type":"Bearer","expires_in":3600,"refresh_token":"` + strings.Repeat("8xLOxBtZp8", 5) +
	`","scope":"openid profile email offline_access","id_token":"` + strings.Repeat("eyJpc3MiOiJodHRwczovL2xvZ2lu", 12) + `"}`

const metadata = `{"issuer":"` + origin + `","authorization_endpoint":"` + origin + `/oauth2/authorize","token_endpoint":"` + origin +
	`/oauth2/token","revocation_endpoint":"` + origin + `/oauth2/revoke","registration_endpoint":"` + origin +
	`/oauth2/register","response_types_supported":["code"],"grant_types_supported":["authorization_code","refresh_token"],` +
	`"code_challenge_methods_supported":["S256"],"scopes_supported":["openid","profile","email","offline_access"],` +
	`"token_endpoint_auth_methods_supported":["client_secret_post"]}`

var page = "<!doctype html><title>Consent</title>" + strings.Repeat("<p>May this client read your profile?</p>\n", 96)

// replyTo answers a request. What it tells of a token request is where the
// credentials were.
func replyTo(head, body []byte) []byte {
	switch {
	case bytes.HasPrefix(head, []byte("POST /oauth2/token ")):
		switch {
		case bytes.Contains(body, []byte("&client_secret=s3cret%2F%2B")):
			return byForm
		case bytes.Contains(body, []byte("&client_secret="+unknownSecret)):
			return unknown
		case bytes.Contains(head, []byte("uthorization: Basic ")):
			return byHeader
		}
		return stranger
	case bytes.HasPrefix(head, []byte("POST /oauth2/register ")):
		return registered
	case bytes.HasPrefix(head, []byte("GET /.well-known/oauth-authorization-server ")):
		return described
	case bytes.HasPrefix(head, []byte("GET /.well-known/")):
		return reply("404 Not Found", "text/plain", "")
	}
	return shown
}

// unknownSecret is the secret of a client that the provider does not know, and says
// so with the wrong status.
const unknownSecret = "of-nobody"

// bare is a reply that lacks what a gateway may add.
func bare(status, body string) []byte {
	return bytes.Replace(reply(status, "application/json", body), []byte("Cache-Control: no-store\r\n"), nil, 1)
}

func reply(status, media, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: %s\r\nCache-Control: no-store\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s",
		status, media, len(body), body)
}
