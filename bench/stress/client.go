package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// client is one OAuth client with connections of its own. It obeys HTTP as the
// net/http client does: it keeps connections until it is told not to, and sends
// a POST again only if nothing of it was sent. It belongs to one goroutine.
type client struct {
	id     string
	base   string // scheme and host
	http   *http.Client
	header http.Header // that every request has
	code   int64       // the last one it sent
}

// clientAt returns a client of the gateway at an address. A TLS configuration
// of nil means plain http.
func clientAt(id, address string, config *tls.Config) *client {
	return clientOf(id, func() string { return address }, config)
}

// clientOf returns a client of the gateway that is at an address when the client
// connects.
func clientOf(id string, address func() string, config *tls.Config) *client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address())
		},
		TLSClientConfig: config,
	}
	c := &client{id: id, base: "http://" + publicHost, http: &http.Client{Transport: t, Timeout: patience}, header: http.Header{}}
	if config != nil {
		c.base = origin
	}
	return c
}

func (c *client) close() { c.http.CloseIdleConnections() }

// reply is a response, read whole.
type reply struct {
	*http.Response
	body string
}

// errand is something that a client wants. The error says that it did not get
// the right answer, or none.
type errand func(*client) (reply, error)

// redeem sends a code by Basic, and wants the token for it.
func redeem(c *client) (reply, error) {
	c.code++
	r, err := c.token(c.code, secret, nil)
	if err != nil {
		return r, err
	}
	return r, c.worth(r)
}

// worth tells whether a reply is the token for the last code.
func (c *client) worth(r reply) error {
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.StatusCode != http.StatusOK || got.Token != tokenFor(c.id, c.code) {
		return fmt.Errorf("a code was answered %d %.200s", r.StatusCode, r.body)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		return fmt.Errorf("a token may be stored")
	}
	return nil
}

// guess sends a wrong secret, and wants a challenge.
func guess(c *client) (reply, error) {
	r, err := c.token(0, "wrong", nil)
	if err == nil && (r.StatusCode != http.StatusUnauthorized || r.Header.Get("WWW-Authenticate") == "") {
		err = fmt.Errorf("a wrong secret was answered %d %.200s", r.StatusCode, r.body)
	}
	return r, err
}

// discover wants metadata that offers Basic.
func discover(c *client) (reply, error) {
	r, err := c.send(http.MethodGet, "/.well-known/oauth-authorization-server", "", nil)
	if err == nil && (r.StatusCode != http.StatusOK || !strings.Contains(r.body, "client_secret_basic")) {
		err = fmt.Errorf("metadata was answered %d %.200s", r.StatusCode, r.body)
	}
	return r, err
}

// browse wants a page that is the provider's.
func browse(c *client) (reply, error) {
	r, err := c.send(http.MethodGet, "/page?n="+url.QueryEscape(c.id), "", nil)
	if err == nil && (r.StatusCode != http.StatusOK || r.body != "page "+c.id) {
		err = fmt.Errorf("a page was answered %d %.200s", r.StatusCode, r.body)
	}
	return r, err
}

// token sends a code by Basic, form-encoded as RFC 6749 section 2.3.1 wants it,
// beside whatever else is in the form.
func (c *client) token(code int64, secret string, form url.Values) (reply, error) {
	return c.tokenWith(code, secret, form, func(*http.Request) {})
}

// tokenWith is token with something done to the request.
func (c *client) tokenWith(code int64, secret string, form url.Values, prepare func(*http.Request)) (reply, error) {
	sent := url.Values{"grant_type": {"authorization_code"}, "code": {strconv.FormatInt(code, 10)}}
	for name, values := range form {
		sent[name] = values
	}
	return c.send(http.MethodPost, "/token", sent.Encode(), func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(url.QueryEscape(c.id), url.QueryEscape(secret))
		prepare(r)
	})
}

func (c *client) send(method, path, body string, prepare func(*http.Request)) (reply, error) {
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	if prepare != nil {
		prepare(r)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return reply{resp, string(text)}, err
}
