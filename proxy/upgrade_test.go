package proxy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/proxy"
)

// halfPipe is a connection in memory whose directions end one by one.
type halfPipe struct {
	net.Conn          // what arrives
	out      net.Conn // what is sent
}

func newHalfPipes() (a, b halfPipe) {
	fromA, toB := net.Pipe()
	fromB, toA := net.Pipe()
	return halfPipe{toA, fromA}, halfPipe{toB, fromB}
}

func (p halfPipe) Write(b []byte) (int, error)        { return p.out.Write(b) }
func (p halfPipe) SetWriteDeadline(t time.Time) error { return p.out.SetWriteDeadline(t) }
func (p halfPipe) SetDeadline(t time.Time) error {
	_ = p.SetReadDeadline(t)
	return p.SetWriteDeadline(t)
}
func (p halfPipe) CloseWrite() error { return p.out.Close() }
func (p halfPipe) Close() error {
	_ = p.out.Close()
	return p.Conn.Close()
}

// oneConn is a listener with one connection.
type oneConn chan net.Conn

func (l oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l oneConn) Close() error { close(l); return nil }
func (oneConn) Addr() net.Addr { return &net.UnixAddr{} }

// side is one end of a WebSocket, and what it received.
type side struct {
	halfPipe
	r        *bufio.Reader
	received atomic.Int64
	ended    atomic.Bool
}

// listen reads to the end.
func (s *side) listen() {
	defer s.ended.Store(true)
	for p := make([]byte, 1<<10); ; {
		n, err := s.r.Read(p)
		s.received.Add(int64(n))
		if err != nil {
			return
		}
	}
}

const (
	handshake = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	switched  = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)

// openTunnel opens a WebSocket through a gateway without a network.
func openTunnel(t *testing.T) (client, provider *side) {
	t.Helper()
	client, provider = new(side), new(side)
	var atFront, atBack halfPipe
	client.halfPipe, atFront = newHalfPipes()
	provider.halfPipe, atBack = newHalfPipes()
	client.r, provider.r = bufio.NewReader(client), bufio.NewReader(provider)
	transport := proxy.NewPassthroughTransport("", nil)
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return atBack, nil }
	server := &http.Server{Handler: passthroughOver("http://provider.example", transport)}
	l := make(oneConn, 1)
	l <- atFront
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { client.Close(); provider.Close(); _ = server.Close() })
	go func() { _, _ = io.WriteString(client, handshake) }()
	if _, err := http.ReadRequest(provider.r); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(provider, switched) }()
	if resp, err := http.ReadResponse(client.r, nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v %v", resp, err)
	}
	return client, provider
}

// inBothDirections runs a test with each side of a WebSocket as the first to finish
// sending.
func inBothDirections(t *testing.T, test func(t *testing.T, first, other *side)) {
	for name, clientFirst := range map[string]bool{"client": true, "provider": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, other := openTunnel(t)
				if !clientFirst {
					first, other = other, first
				}
				test(t, first, other)
			})
		})
	}
}

// after lets time pass, and what happens by then happen.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// A WebSocket may be silent for any time. Once one side has finished sending, the
// other goes on for as long as it sends, and five seconds of silence end it.
func TestA118A119SilenceEndsAHalf(t *testing.T) {
	inBothDirections(t, func(t *testing.T, first, other *side) {
		go first.listen()
		go other.listen()
		after(time.Hour)
		if first.ended.Load() || other.ended.Load() {
			t.Error("silence ended the WebSocket")
		}
		_ = first.CloseWrite()
		synctest.Wait()
		if !other.ended.Load() {
			t.Error("the other side does not hear of the end")
		}
		for range 20 {
			after(4900 * time.Millisecond)
			if _, err := io.WriteString(other, "x"); err != nil {
				t.Fatal(err)
			}
		}
		after(4900 * time.Millisecond)
		if first.ended.Load() || first.received.Load() != 20 {
			t.Errorf("ended: %v, received %d bytes", first.ended.Load(), first.received.Load())
		}
		after(200 * time.Millisecond)
		if _, err := io.WriteString(other, "x"); err == nil || !first.ended.Load() {
			t.Error("a connection stays")
		}
	})
}

// A side that has finished sending has half a minute to take each piece of what the
// other sends.
func TestA118NobodyTakesTheRest(t *testing.T) {
	inBothDirections(t, func(t *testing.T, first, other *side) {
		var gone atomic.Bool
		go func() {
			_, _ = io.WriteString(other, strings.Repeat("x", 1<<20))
			gone.Store(true)
		}()
		after(time.Hour)
		_ = first.CloseWrite()
		after(29 * time.Second)
		if gone.Load() {
			t.Error("it did not wait")
		}
		after(2 * time.Second)
		if !gone.Load() {
			t.Error("the connection stays")
		}
	})
}

// TestA170ResponseThatBeginsEarly checks that an upload goes on while its response is sent.
// Net/http would read and close its body when the response begins.
func TestA170ResponseThatBeginsEarly(t *testing.T) {
	sent := strings.Repeat("x", 5000)
	front := httptest.NewServer(passthroughOver("http://provider.example",
		roundTripper(func(r *http.Request) (*http.Response, error) {
			body, w := io.Pipe()
			go func() {
				_, _ = io.WriteString(w, "begin ")
				text, err := io.ReadAll(r.Body)
				_, _ = w.Write(text)
				_ = w.CloseWithError(err)
			}()
			return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1, Body: body, Request: r}, nil
		})))
	defer front.Close()
	resp, err := http.Post(front.URL, "application/json", strings.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "begin "+sent || !resp.Close {
		t.Errorf("got %d bytes, %v, last on its connection: %v", len(text), err, resp.Close)
	}
}
