package main

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const (
	handshake = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	switched  = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)

// rawConn is a connection whose sending side can be closed alone.
type rawConn interface {
	net.Conn
	CloseWrite() error
}

// peer is one end of a WebSocket as a test sees it.
type peer struct {
	rawConn
	r *bufio.Reader
}

// startRawProvider returns the origin of a provider that runs a script for each
// connection, behind the first request on it.
func startRawProvider(t *testing.T, script func(p peer, r *http.Request)) string {
	t.Helper()
	l, upstream := listenRaw(t, "tcp")
	serveRaw(t, l, script)
	return upstream
}

func serveRaw(t *testing.T, l net.Listener, script func(p peer, r *http.Request)) {
	t.Helper()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				p := peer{c.(rawConn), bufio.NewReader(c)}
				if r, err := http.ReadRequest(p.r); err == nil {
					script(p, r)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
}

// dialPeer connects a client to a gateway.
func dialPeer(t *testing.T, address string) peer {
	t.Helper()
	return dialPeerBy(t, "tcp", address, false)
}

// ask sends a request and returns the header of the response.
func (p peer) ask(t *testing.T, request string) *http.Response {
	t.Helper()
	p.say(request)
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// open asks for a WebSocket and gets it.
func (p peer) open(t *testing.T) {
	t.Helper()
	if resp := p.ask(t, handshake); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v", resp)
	}
}

func (p peer) say(text string) { _, _ = io.WriteString(p, text) }

// hears reports whether a text arrives next.
func (p peer) hears(text string) bool {
	got := make([]byte, len(text))
	_, err := io.ReadFull(p.r, got)
	return err == nil && string(got) == text
}

// ends reports whether the other side sends nothing more, and says so.
func (p peer) ends() bool {
	_, err := p.r.ReadByte()
	return err == io.EOF
}

// isRefused reports whether the other side has closed the connection for both
// directions: it answers bytes with a reset.
func (p peer) isRefused() bool {
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := io.WriteString(p, "x"); err != nil {
			return true
		}
	}
	return false
}

// listenRaw returns a listener and what upstream.url calls it.
func listenRaw(t *testing.T, network string) (l net.Listener, upstream string) {
	t.Helper()
	address, upstream := "127.0.0.1:0", "http://"
	if network == "unix" {
		address, upstream = filepath.Join(t.TempDir(), "s"), "unix:"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l, upstream + l.Addr().String()
}

// dialPeerBy connects a client to a gateway over a kind of network.
func dialPeerBy(t *testing.T, network, address string, secure bool) peer {
	t.Helper()
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if secure {
		// #nosec G402 -- whose certificate it is does not matter here
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	return peer{c.(rawConn), bufio.NewReader(c)}
}
