package upstream

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
	"testing"
	"time"
)

// An idle connection that the server closed, or on which it sent something, is not reused.
func TestStaleConnections(t *testing.T) {
	for name, spoil := range map[string]func(net.Conn){
		"closed":      func(c net.Conn) { c.Close() },
		"half closed": func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() },
		"reset":       func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() },
		"unsolicited": func(c net.Conn) { _, _ = io.WriteString(c, ok) },
	} {
		t.Run(name, func(t *testing.T) {
			connections := make(chan net.Conn, 2)
			s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
				connections <- w
				return raw(ok, true)(w, r, body)
			})
			transport := s.transport(t)
			if _, _, err := send(transport, post(t, t.Context(), "code=1")); err != nil {
				t.Fatal(err)
			}
			spoil(<-connections)
			time.Sleep(20 * time.Millisecond) // for loopback to deliver it
			if status, body, err := send(transport, post(t, t.Context(), "code=2")); status != 200 || body != "{}" || err != nil {
				t.Errorf("%d %q %v", status, body, err)
			}
			if s.requests.Load() != 2 || s.connections.Load() != 2 {
				t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
			}
		})
	}
}

// A connection that has reached its age is closed and not used again.
func TestConnectionAge(t *testing.T) {
	for maxAge, want := range map[time.Duration]int64{0: 1, time.Hour: 1, time.Nanosecond: 3} {
		s := serve(t, raw(ok, true))
		transport := New(Config{Server: &url.URL{Scheme: "http", Host: s.Addr().String()}, MaxConnectionAge: maxAge})
		for range 3 {
			if status, body, err := send(transport, post(t, t.Context(), "code=1")); status != 200 || body != "{}" || err != nil {
				t.Errorf("%s: got %d %q %v", maxAge, status, body, err)
			}
		}
		if got := s.connections.Load(); got != want || len(transport.pool.conns) != 1 {
			t.Errorf("%s: %d connections, %d are idle; want %d and 1", maxAge, got, len(transport.pool.conns), want)
		}
		transport.CloseIdleConnections()
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, func(w net.Conn, _ *http.Request, _ string) bool {
		_, _ = io.WriteString(w, ok)
		_ = w.SetReadDeadline(time.Now().Add(10 * time.Second))
		_, err := w.Read(make([]byte, 1))
		ended <- err
		return false
	})
	transport := s.transport(t)
	transport.pool.timeout = time.Millisecond
	if status, _, err := send(transport, post(t, t.Context(), "code=1")); status != 200 || err != nil {
		t.Errorf("got %d %v", status, err)
	}
	if err := <-ended; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
}

// TLS connections are verified and reused, unless the server sent surplus bytes, which TLS
// may have buffered.
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
		return raw(map[bool]string{false: ok, true: ok + ok}[body == "surplus"], true)(w, r, body)
	})
	server := &url.URL{Scheme: "https", Host: l.Addr().String()}
	transport := New(Config{Server: server, TLS: &tls.Config{RootCAs: trust, ServerName: "example.com"}})
	defer transport.CloseIdleConnections()
	for i, body := range []string{"a", "b", "surplus", "c"} {
		if status, text, err := send(transport, post(t, t.Context(), body)); status != 200 || text != "{}" || err != nil {
			t.Errorf("%d: %d %q %v", i, status, text, err)
		}
	}
	if s.connections.Load() != 2 || s.requests.Load() != 4 {
		t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
	}
	_, _, err = send(New(Config{Server: server}), post(t, t.Context(), "a"))
	if !errors.Is(err, ErrUnreachable) || !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("%v", err)
	}
}
