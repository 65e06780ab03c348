package main

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// The host under which clients reach the provider, and the secret of all clients.
const (
	publicHost = "login.example.com"
	origin     = "https://" + publicHost
	secret     = "s3cret/+é%41 :&="
)

//go:embed bodies/registration.json
var registrationBody string

// workload is a kind of request, with what a good response to it has.
type workload struct {
	name, description string
	request           func(c *contender, client int) []byte // nil: none is left
	status            string
	text              string // in the body
	rewritten         string // the text from contenders that rewrite this workload
	prepare           func() // makes requests of which each can be sent only once; nil: they can be repeated
}

var (
	token = &workload{"token", "Token requests with HTTP Basic: 0.8 KiB sent, 1.3 KiB received", tokenRequest,
		"200", `"credentials":`, `"credentials":"form"`, nil}
	metadata = &workload{"metadata", "Requests for the authorization server metadata", same(newRequest("GET", "/.well-known/oauth-authorization-server", "", "")),
		"200", `"issuer":"` + origin + `"`, "client_secret_basic", nil}
	passthrough = &workload{"passthrough", "Requests for a page of 4 KiB", same(newRequest("GET", "/oauth2/authorize?response_type=code&client_id=client-0&state=af0ifjsldkj", "", "")),
		"200", "<title>Consent</title>", "", nil}
	registration = &workload{"registration", "Registrations of clients that ask for HTTP Basic", same(newRequest("POST", "/oauth2/register", "Content-Type: application/json\r\n", registrationBody)),
		"201", `"token_endpoint_auth_method":"client_secret_post"`, `"token_endpoint_auth_method":"client_secret_basic"`, nil}

	workloads = []*workload{token, metadata, passthrough, registration}
)

// check returns an error unless a response is a good one.
func (w *workload) check(c *contender, head, body []byte) error {
	text := w.text
	if slices.Contains(c.rewrites, w) {
		text = w.rewritten
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 "+w.status+" ")) || !bytes.Contains(body, []byte(text)) {
		return fmt.Errorf("%s: wrong response to a %s request: %.100q %.200q", c.name, w.name, head, body)
	}
	return nil
}

func same(request []byte) func(*contender, int) []byte {
	return func(*contender, int) []byte { return request }
}

// tokenRequest has the credentials of a client in HTTP Basic. The provider itself gets
// the form that a rewrite would produce.
func tokenRequest(c *contender, client int) []byte {
	id := fmt.Sprintf("client-%06d", client)
	if c == direct {
		return newTokenRequest("", "&client_id="+id+"&client_secret="+url.QueryEscape(secret))
	}
	return newTokenRequest(basic(id, secret), "")
}

// newTokenRequest returns a token request with further header lines and parameters.
func newTokenRequest(header, parameters string) []byte {
	return newRequest("POST", "/oauth2/token", "Content-Type: application/x-www-form-urlencoded\r\n"+header,
		"grant_type=authorization_code&code="+strings.Repeat("Sp1xlOBeZQQYbYS6WxSbIA", 3)+
			"&redirect_uri=http%3A%2F%2F127.0.0.1%3A53682%2Fcallback"+
			"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXkdBjftJeZ4CVP"+
			"&resource=https%3A%2F%2Flogin.example.com%2Fapi%2Fexperimental%2Fmcp%2Fhttp"+parameters)
}

// basic returns a header line with form-encoded credentials (RFC 6749 section 2.3.1).
func basic(id, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret))) + "\r\n"
}

func newRequest(method, target, header, body string) []byte {
	if method == "POST" {
		header += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return []byte(method + " " + target + " HTTP/1.1\r\nHost: " + publicHost +
		"\r\nUser-Agent: python-requests/2.28.1\r\nAccept: application/json\r\n" + header + "\r\n" + body)
}
