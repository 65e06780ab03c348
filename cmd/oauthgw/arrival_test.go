package main

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A WebSocket carries any bytes, also line feeds that would be too many in a header, sent
// with the handshake and later.
func TestA200LineFeedsInWebSockets(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, switched)
		_, _ = io.Copy(c, rw)
	}))
	defer provider.Close()
	g := frontedGateway(t, provider.URL)
	for name, early := range map[string]string{"nothing early": "", "early": strings.Repeat("\n", 3000), "an early header": "GET / HTTP/1.1\r\n" + strings.Repeat("a:\n", 300)} {
		t.Run(name, func(t *testing.T) {
			c, later := dialPeer(t, g.data), strings.Repeat("x\n", 3000)
			c.say(handshake + early)
			if resp, err := http.ReadResponse(c.r, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("got %v %v", resp, err)
			}
			c.say(later)
			if !c.hears(early + later) {
				t.Error("the echo differs")
			}
		})
	}
}

// A handler that takes the connection for another protocol may read single bytes, as
// net/http does to notice that a client leaves.
func TestA200SingleBytesOfWebSockets(t *testing.T) {
	server := (&servers{}).newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, switched)
		for b := make([]byte, 1); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
			_, _ = c.Write(b)
		}
	}), log.New(io.Discard, "", 0))
	c := dialPeer(t, serveBounded(t, server))
	c.open(t)
	c.say("question")
	if !c.hears("question") {
		t.Error("the echo differs")
	}
}

// A body in chunks arrives whole, whatever its lines. A header behind one that nobody read
// has the same limit as any other.
func TestA201LineFeedsInChunks(t *testing.T) {
	t.Parallel()
	server := (&servers{}).newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/echo" {
			_, _ = io.Copy(w, r.Body)
		}
	}), log.New(io.Discard, "", 0))
	address := serveBounded(t, server)
	feeds := strings.Repeat("x\n", 1000)
	const chunks = " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	c := dialPeer(t, address)
	resp := c.ask(t, "POST /echo"+chunks+"7d0\r\n"+feeds+"\r\n0\r\n\r\n")
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != feeds || !resp.Close {
		t.Errorf("%d bytes came back, %v", len(body), err)
	}
	c = dialPeer(t, address)
	for _, request := range []string{"POST /" + chunks + "0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a:\n", 128) + "\r\n"} {
		resp = c.ask(t, request)
	}
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d", resp.StatusCode)
	}
	c.isRefused() // net/http waits before it closes the connection
}

// serveBounded serves at an address with the connections of a gateway.
func serveBounded(t *testing.T, server *http.Server) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(atMost(100, l, func(string) {})) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}
