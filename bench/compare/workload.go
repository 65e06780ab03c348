package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
)

// The name by which clients know the provider, and the secret they share.
const (
	publicHost = "login.example.com"
	origin     = "https://" + publicHost
	secret     = "s3cret/+é%41 :&="
)

// workload is one kind of request, and how it is answered.
type workload struct {
	name, does string
	// request returns what client n sends to a contender.
	request func(c *contender, n int) []byte
	// status and told are what a good reply begins with and holds.
	status string
	told   func(c *contender) string
}

// workloads are all there are, in their order.
var workloads = []workload{
	{"token", "a code is exchanged with HTTP Basic: 0.8 KiB there, 1.3 KiB back", tokenRequest, "HTTP/1.1 200 ", func(c *contender) string {
		if c.translates {
			return `"credentials":"form"`
		}
		return `"credentials":`
	}},
	{"metadata", "the authorization server's metadata is read", func(*contender, int) []byte {
		return request("GET", "/.well-known/oauth-authorization-server", "", "")
	}, "HTTP/1.1 200 ", func(*contender) string { return `"issuer":"` + origin + `"` }},
	{"passthrough", "a page of 4 KiB is read", func(*contender, int) []byte {
		return request("GET", "/oauth2/authorize?response_type=code&client_id=client-0&state=af0ifjsldkj", "", "")
	}, "HTTP/1.1 200 ", func(*contender) string { return "<title>Consent</title>" }},
	{"registration", "a client registers that asks for HTTP Basic", func(*contender, int) []byte {
		return request("POST", "/oauth2/register", "Content-Type: application/json\r\n", registration)
	}, "HTTP/1.1 201 ", func(c *contender) string {
		if c.registers {
			return `"token_endpoint_auth_method":"client_secret_basic"`
		}
		return `"token_endpoint_auth_method":"client_secret_post"`
	}},
}

const registration = `{"client_name":"A desktop client","redirect_uris":["http://127.0.0.1:53682/callback","http://localhost:53682/callback"],` +
	`"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"openid profile email offline_access",` +
	`"token_endpoint_auth_method":"client_secret_basic"}`

// tokenRequest is a client's exchange of a code for a token. The provider itself
// is sent what a translation would have made of it.
func tokenRequest(c *contender, n int) []byte {
	id := fmt.Sprintf("client-%06d", n)
	if c.start == nil {
		return post("", "&client_id="+id+"&client_secret="+url.QueryEscape(secret))
	}
	return post(basic(id, secret), "")
}

// post is a token request with header fields and parameters that come last.
func post(fields, more string) []byte {
	return request("POST", "/oauth2/token", "Content-Type: application/x-www-form-urlencoded\r\n"+fields,
		"grant_type=authorization_code&code="+strings.Repeat("Sp1xlOBeZQQYbYS6WxSbIA", 3)+
			"&redirect_uri=http%3A%2F%2F127.0.0.1%3A53682%2Fcallback"+
			"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXkdBjftJeZ4CVP"+
			"&resource=https%3A%2F%2Flogin.example.com%2Fapi%2Fexperimental%2Fmcp%2Fhttp"+more)
}

// basic is a field of credentials, form-encoded as RFC 6749 section 2.3.1 wants.
func basic(id, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret))) + "\r\n"
}

func request(method, target, fields, body string) []byte {
	if method == "POST" {
		fields += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return []byte(method + " " + target + " HTTP/1.1\r\nHost: " + publicHost +
		"\r\nUser-Agent: python-requests/2.28.1\r\nAccept: application/json\r\n" + fields + "\r\n" + body)
}

// judge says what is wrong with a reply.
func (w workload) judge(c *contender, head, body []byte) error {
	if !bytes.HasPrefix(head, []byte(w.status)) || !bytes.Contains(body, []byte(w.told(c))) {
		return fmt.Errorf("%s: %s was answered %.100q %.200q", c.name, w.name, head, body)
	}
	return nil
}
