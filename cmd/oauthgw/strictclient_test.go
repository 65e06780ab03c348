package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/faultprovider"
)

// strictClient keeps one connection to the gateway, and reads responses strictly.
type strictClient struct {
	test    *testing.T // the test whose end closes conn
	address string
	conn    *rawPeer
}

// clientResponse is a response and its whole body.
type clientResponse struct {
	*http.Response
	text string
}

// redeem sends a token request with HTTP Basic that makes the provider show a fault. Its
// header has fields that might make a proxy retry it.
func (c *strictClient) redeem(t *testing.T, code, fault string) clientResponse {
	t.Helper()
	body := "grant_type=authorization_code&code=" + code
	return c.send(t, "POST "+faultprovider.TokenPath+" HTTP/1.1\r\nHost: login.example.com\r\n"+
		"Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("one:"+canary))+"\r\n"+
		"Cookie: session="+exchangeCanary+"\r\nIdempotency-Key: k\r\nX-Idempotency-Key: k\r\nAccept-Encoding: gzip\r\n"+
		faultprovider.Header+": "+fault+"\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
}

func (c *strictClient) send(t *testing.T, request string) clientResponse {
	t.Helper()
	if c.conn == nil {
		conn := dialRaw(c.test, c.address)
		c.conn = &conn
	}
	conn := c.conn
	c.conn = nil // the connection is kept only after a complete response
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	resp := conn.send(t, request)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.ContentLength != int64(len(text)) || conn.r.Buffered() > 0 {
		t.Fatalf("the response is not framed correctly: %v, read %d of %d bytes, %d bytes after it", err, len(text), resp.ContentLength, conn.r.Buffered())
	}
	if !resp.Close {
		c.conn = conn
	}
	return clientResponse{resp, string(text)}
}

// expectOwnError checks that a response is the gateway's own error: JSON that holds nothing
// of the provider's response and does not blame the client.
func (a clientResponse) expectOwnError(t *testing.T) {
	t.Helper()
	var refusal struct{ Error string }
	err := json.Unmarshal([]byte(a.text), &refusal)
	if err != nil || refusal.Error != "server_error" && refusal.Error != "temporarily_unavailable" ||
		a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %v %s", a.Header, a.text)
	}
	for _, name := range []string{"Location", "Content-Encoding", "Set-Cookie", "Upgrade", "Link", "X-Odd", "X-Odd-0"} {
		if a.Header.Get(name) != "" {
			t.Errorf("the provider's %s was relayed", name)
		}
	}
	if strings.Contains(a.text, faultprovider.TokenPrefix) {
		t.Errorf("a part of a token was relayed: %s", a.text)
	}
}
