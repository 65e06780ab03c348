package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"net"
	"strings"
)

// serveProvider responds like a provider that reads credentials from the form only,
// with as little processor time as possible.
func serveProvider(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go serveRequests(newConn(c))
	}
}

func serveRequests(c *conn) {
	defer func() { _ = c.Close() }()
	for {
		head, body, err := c.read()
		if err == nil {
			_, err = c.Write(respond(head, body))
		}
		if err != nil {
			return
		}
	}
}

// respond returns the response to a request. The response to a token request depends on
// the credentials and says where they were.
func respond(head, body []byte) []byte {
	switch {
	case bytes.HasPrefix(head, []byte("POST /oauth2/register ")):
		return registered
	case bytes.HasPrefix(head, []byte("GET /.well-known/oauth-authorization-server ")):
		return described
	case bytes.HasPrefix(head, []byte("GET /.well-known/")):
		return notFound
	case bytes.HasPrefix(head, []byte("GET ")):
		return page
	case bytes.Contains(body, []byte("&client_secret=s3cret%2F%2B")):
		return tokenForForm
	case bytes.Contains(body, []byte("&client_secret="+unknownSecret)):
		return badRequest
	case bytes.Contains(head, []byte("uthorization: Basic ")):
		return tokenForHeader
	}
	return unauthorized
}

// unknownSecret is a wrong secret that the provider rejects with the wrong status, 400.
const unknownSecret = "of-nobody"

// The tokens in token.json are as long as real ones.
var (
	//go:embed bodies/token.json
	tokenBody string
	//go:embed bodies/metadata.json
	metadataBody string
	//go:embed bodies/registered.json
	registeredBody string

	tokenForForm   = newResponse("200 OK", json+noStore, tokenBody)
	tokenForHeader = newResponse("200 OK", json+noStore, strings.Replace(tokenBody, "form", "header", 1))
	described      = newResponse("200 OK", json+noStore, metadataBody)
	registered     = newResponse("201 Created", json+noStore, registeredBody)
	page           = newResponse("200 OK", "Content-Type: text/html\r\n"+noStore, "<!doctype html><title>Consent</title>"+
		strings.Repeat("<p>May this client read your profile?</p>\n", 96))
	notFound     = newResponse("404 Not Found", "", "")
	unauthorized = newResponse("401 Unauthorized", json, `{"error":"invalid_client"}`) // a gateway should add no-store
	badRequest   = newResponse("400 Bad Request", json, `{"error":"invalid_client"}`)
)

const (
	json    = "Content-Type: application/json\r\n"
	noStore = "Cache-Control: no-store\r\n"
)

func newResponse(status, header, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %s\r\n%sDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n%s", status, header, len(body), body)
}
