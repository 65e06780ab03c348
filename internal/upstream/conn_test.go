package upstream_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"oauthgw/internal/upstream"
)

// A connection that the server closed, or on which it spoke unasked, while
// nobody used it carries no request.
func TestStaleConnections(t *testing.T) {
	for name, spoil := range map[string]func(net.Conn){
		"closed":         func(c net.Conn) { c.Close() },
		"half closed":    func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() },
		"reset":          func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() },
		"spoken unasked": func(c net.Conn) { _, _ = io.WriteString(c, ok) },
	} {
		t.Run(name, func(t *testing.T) {
			connections := make(chan net.Conn, 1)
			s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
				_, _ = io.WriteString(w, ok)
				select {
				case connections <- w:
				default:
				}
				return true
			})
			transport := s.transport(t, nil)
			if _, _, err := ask(transport, post(t, t.Context(), "code=1")); err != nil {
				t.Fatal(err)
			}
			spoil(<-connections)
			time.Sleep(20 * time.Millisecond) // for loopback to carry it
			if status, body, err := ask(transport, post(t, t.Context(), "code=2")); status != 200 || body != "{}" || err != nil {
				t.Errorf("%d %q %v", status, body, err)
			}
			if s.requests.Load() != 2 || s.connections.Load() != 2 {
				t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
			}
		})
	}
}

// A connection on which more came than was asked for is not kept for anybody.
func TestConnectionThatSpeaksOnIsDropped(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, func(w net.Conn, _ *http.Request, _ string) bool {
		_, _ = io.WriteString(w, ok+ok)
		_ = w.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, err := w.Read(make([]byte, 1))
		ended <- err
		return false
	})
	if status, _, err := ask(s.transport(t, nil), post(t, t.Context(), "code=1")); status != 200 || err != nil {
		t.Errorf("got %d %v", status, err)
	}
	if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("it is kept")
	}
}

// Idle connections are bounded in number.
func TestIdleConnections(t *testing.T) {
	s := serve(t, says(ok, true))
	transport := s.transport(t, func(c *upstream.Config) { c.IdleConnections = 1 })
	resp, err := transport.RoundTrip(post(t, t.Context(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ask(transport, post(t, t.Context(), "b")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err != nil { // finds no room
		t.Fatal(err)
	}
	if _, _, err := ask(transport, post(t, t.Context(), "c")); err != nil || s.connections.Load() != 2 {
		t.Errorf("%d connections, %v", s.connections.Load(), err)
	}
}

// An idle connection is closed in time, whether or not another is asked for.
func TestIdleConnectionsEnd(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, func(w net.Conn, _ *http.Request, _ string) bool {
		_, _ = io.WriteString(w, ok)
		_ = w.SetReadDeadline(time.Now().Add(20 * time.Second))
		_, err := w.Read(make([]byte, 1))
		ended <- err
		return false
	})
	transport := s.transport(t, func(c *upstream.Config) { c.IdleTime = time.Millisecond })
	if _, _, err := ask(transport, post(t, t.Context(), "a")); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != io.EOF {
		t.Errorf("the connection did not end: %v", err)
	}
}

// A server may be at a Unix socket, whatever its URL says.
func TestUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, says(ok, true))
	transport := upstream.New(upstream.Config{Server: &url.URL{Scheme: "http", Host: "localhost"}, Socket: socket})
	defer transport.CloseIdleConnections()
	for range 2 {
		if status, _, err := ask(transport, post(t, t.Context(), "a")); status != 200 || err != nil {
			t.Errorf("%d %v", status, err)
		}
	}
}

// Over TLS the server has to be who it says, connections serve many requests,
// and one on which the server spoke unasked none.
func TestTLS(t *testing.T) {
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	defer certified.Close()
	trust := x509.NewCertPool()
	trust.AddCert(certified.Certificate())
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, l, func(w net.Conn, r *http.Request, body string) bool {
		if body == "unasked" {
			return says(ok+ok, true)(w, r, body)
		}
		return says(ok, true)(w, r, body)
	})
	secure := func(c *upstream.Config) {
		c.Server.Scheme, c.TLS = "https", &tls.Config{RootCAs: trust, ServerName: "example.com"}
	}
	transport := s.transport(t, secure)
	for i, body := range []string{"a", "b", "unasked", "c"} {
		if status, text, err := ask(transport, post(t, t.Context(), body)); status != 200 || text != "{}" || err != nil {
			t.Errorf("%d: %d %q %v", i, status, text, err)
		}
	}
	if s.connections.Load() != 2 || s.requests.Load() != 4 {
		t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
	}
	untrusting := s.transport(t, func(c *upstream.Config) { c.Server.Scheme = "https" })
	if _, _, err := ask(untrusting, post(t, t.Context(), "a")); !errors.Is(err, upstream.ErrUnreachable) || !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("%v", err)
	}
}
