package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// client is an OAuth client with its own connections, used by one goroutine. It
// keeps connections until the gateway closes them, and repeats a POST only if
// nothing of it was sent, as net/http does.
type client struct {
	id        string
	address   atomic.Pointer[string]
	transport http.Transport
	base      string      // scheme and host
	header    http.Header // of every request
	code      int64       // the last one that it sent
}

// newClients returns clients of the gateway at an address. All client ids differ.
func (e *env) newClients(n int, address string) []*client {
	var clients []*client
	for range n {
		e.clients++
		c := &client{id: fmt.Sprintf("client-%d", e.clients), base: "http://" + publicHost, header: http.Header{}}
		c.address.Store(&address)
		dialer := &net.Dialer{Timeout: 10 * time.Second}
		c.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", *c.address.Load())
		}
		clients = append(clients, c)
	}
	return clients
}

func (c *client) close() { c.transport.CloseIdleConnections() }

// response is a response and its whole body.
type response struct {
	*http.Response
	body string
}

// request sends one request. The error says that there was no response or a wrong one.
type request func(*client) (response, error)

// redeem sends a code with Basic and expects its token.
func redeem(c *client) (response, error) {
	c.code++
	r, err := c.sendCode(c.code, secret, nil, nil)
	if err == nil {
		err = c.checkToken(r)
	}
	return r, err
}

// checkToken checks that a response holds the token for the last code.
func (c *client) checkToken(r response) error {
	if r.StatusCode != http.StatusOK || !strings.Contains(r.body, `"access_token":"`+tokenFor(c.id, c.code)+`"`) {
		return fmt.Errorf("code: got %d %.200s", r.StatusCode, r.body)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		return fmt.Errorf("code: got a token without no-store")
	}
	return nil
}

// sendWrongSecret expects a challenge.
func sendWrongSecret(c *client) (response, error) {
	r, err := c.sendCode(0, "wrong", nil, nil)
	if err == nil && (r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") == "") {
		err = fmt.Errorf("wrong secret: got %d %.200s", r.StatusCode, r.body)
	}
	return r, err
}

// fetchMetadata expects metadata that offers Basic.
func fetchMetadata(c *client) (response, error) {
	r, err := c.send(http.MethodGet, "/.well-known/oauth-authorization-server", "", nil)
	if err == nil && (r.StatusCode != http.StatusOK || !strings.Contains(r.body, "client_secret_basic")) {
		err = fmt.Errorf("metadata: got %d %.200s", r.StatusCode, r.body)
	}
	return r, err
}

// fetchPage expects a page of the provider.
func fetchPage(c *client) (response, error) {
	r, err := c.send(http.MethodGet, "/page?n="+url.QueryEscape(c.id), "", nil)
	if err == nil && (r.StatusCode != http.StatusOK || r.body != "page "+c.id) {
		err = fmt.Errorf("page: got %d %.200s", r.StatusCode, r.body)
	}
	return r, err
}

// postPage posts a body larger than what the gateway receives before it forwards a request.
func postPage(c *client) (response, error) {
	r, err := c.send(http.MethodPost, "/page", strings.Repeat("x", 5<<10), nil)
	if err == nil && (r.StatusCode != http.StatusOK || r.body != "{}") {
		err = fmt.Errorf("POST: got %d %.200q", r.StatusCode, r.body)
	}
	return r, err
}

// sendCode sends a code with Basic (RFC 6749 section 2.3.1) and further form
// parameters. modify, if not nil, changes the request.
func (c *client) sendCode(code int64, secret string, form url.Values, modify func(*http.Request)) (response, error) {
	body := url.Values{"grant_type": {"authorization_code"}, "code": {strconv.FormatInt(code, 10)}}
	for name, values := range form {
		body[name] = values
	}
	return c.send(http.MethodPost, "/token", body.Encode(), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(secret))
		if modify != nil {
			modify(r)
		}
	})
}

func (c *client) send(method, path, body string, modify func(*http.Request)) (response, error) {
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		return response{}, err
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	if modify != nil {
		modify(r)
	}
	resp, err := (&http.Client{Transport: &c.transport, Timeout: maxWait}).Do(r)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return response{resp, string(text)}, err
}
