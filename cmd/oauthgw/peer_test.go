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

// rawConn is a connection of which one side can be closed alone.
type rawConn interface {
	net.Conn
	CloseWrite() error
}

// rawPeer is one end of a connection as a test sees it.
type rawPeer struct {
	rawConn
	r *bufio.Reader
}

// startRawProvider returns the origin of a provider that runs a script for each connection
// after the first request on it, and closes it. A response with a length has to announce that
// (Connection: close): the gateway could send the next request on this connection.
func startRawProvider(t *testing.T, script func(p rawPeer, r *http.Request)) string {
	t.Helper()
	l, upstream := listenRaw(t, "tcp")
	serveRaw(t, l, script)
	return upstream
}

func serveRaw(t *testing.T, l net.Listener, script func(p rawPeer, r *http.Request)) {
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
				p := rawPeer{c.(rawConn), bufio.NewReader(c)}
				if r, err := http.ReadRequest(p.r); err == nil {
					script(p, r)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
}

// dialRaw connects a client to a gateway.
func dialRaw(t *testing.T, address string) rawPeer {
	t.Helper()
	return dialRawNetwork(t, "tcp", address, false)
}

// send sends a request and returns the response.
func (p rawPeer) send(t *testing.T, request string) *http.Response {
	t.Helper()
	p.write(request)
	return p.response(t)
}

// response reads the header of a response.
func (p rawPeer) response(t *testing.T) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// openWebSocket asks for a WebSocket and gets it.
func (p rawPeer) openWebSocket(t *testing.T) {
	t.Helper()
	if resp := p.send(t, handshake); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v", resp)
	}
}

func (p rawPeer) write(text string) { _, _ = io.WriteString(p, text) }

// reads reports whether a text arrives next.
func (p rawPeer) reads(text string) bool { return p.readSome(len(text)) == text }

// readsEOF reports whether the next read returns EOF.
func (p rawPeer) readsEOF() bool {
	_, err := p.r.ReadByte()
	return err == io.EOF
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

// dialRawNetwork connects a client to a gateway over a kind of network.
func dialRawNetwork(t *testing.T, network, address string, secure bool) rawPeer {
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
	return rawPeer{c.(rawConn), bufio.NewReader(c)}
}

// readSome returns what arrives next, up to a number of bytes.
func (p rawPeer) readSome(n int) string {
	got := make([]byte, n)
	n, _ = io.ReadFull(p.r, got)
	return string(got[:n])
}
