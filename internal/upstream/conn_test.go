package upstream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
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
	l, config := listenTLS(t)
	s := serveOn(t, l, func(w net.Conn, r *http.Request, body string) bool {
		return raw(map[bool]string{false: ok, true: ok + ok}[body == "surplus"], true)(w, r, body)
	})
	server := &url.URL{Scheme: "https", Host: l.Addr().String()}
	transport := New(Config{Server: server, TLS: config})
	defer transport.CloseIdleConnections()
	for i, body := range []string{"a", "b", "surplus", "c"} {
		if status, text, err := send(transport, post(t, t.Context(), body)); status != 200 || text != "{}" || err != nil {
			t.Errorf("%d: %d %q %v", i, status, text, err)
		}
	}
	if s.connections.Load() != 2 || s.requests.Load() != 4 {
		t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
	}
	_, _, err := send(New(Config{Server: server}), post(t, t.Context(), "a"))
	if !errors.Is(err, ErrUnreachable) || !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("%v", err)
	}
}

// Only responses with unambiguous framing are accepted, and no request is sent again.
func TestResponses(t *testing.T) {
	const large = 40 << 10
	for name, test := range map[string]struct {
		text   string
		want   string // status and body; empty: an error
		reused bool
	}{
		"length":                               {ok, "200 {}", true},
		"no reason phrase":                     {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", "200 {}", true},
		"empty body":                           {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "400 ", true},
		"no content":                           {"HTTP/1.1 204 No Content\r\n\r\n", "204 ", true},
		"chunked":                              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", "200 {}", true},
		"trailer":                              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n", "200 {}", true},
		"until the connection ends":            {"HTTP/1.1 200 OK\r\n\r\n{}", "200 {}", false},
		"HTTP/1.0":                             {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "200 {}", false},
		"Connection: close":                    {"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\n{}", "200 {}", false},
		"interim responses":                    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\n\r\n" + ok, "200 {}", true},
		"too many interim responses":           {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", large/20) + ok, "", false},
		"switching protocols":                  {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "", false},
		"switching protocols, then a response": {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + ok, "", false},
		"large header":                         {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", large) + "\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"many fields":                          {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", large/6) + "Content-Length: 2\r\n\r\n{}", "", false},
		"endless status line":                  {strings.Repeat("x", large), "", false},
		"NUL byte":                             {"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"field without a colon":                {"HTTP/1.1 200 OK\r\nX\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"Content-Length and chunked":           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"two codings":                          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"HTTP/1.0 and chunked":                 {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"repeated Content-Length":              {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"list of lengths":                      {"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", "", false},
		"signed length":                        {"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", "", false},
		"length beyond int64":                  {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n{}", "", false},
		"truncated body":                       {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", "", false},
		"truncated chunks":                     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "", false},
		"truncated trailer":                    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "", false},
		"malformed chunk size":                 {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", "", false},
		"endless trailer":                      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + strings.Repeat("X: y\r\n", 100) + "\r\n", "", false},
		"status 099":                           {"HTTP/1.1 099 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"status 600":                           {"HTTP/1.1 600 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"signed status":                        {"HTTP/1.1 +20 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"HTTP/2.0":                             {"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"SSH":                                  {"SSH-2.0-OpenSSH_9.2\r\n", "", false},
		"nothing":                              {"", "", false},
		"truncated header":                     {"HTTP/1.1 200 OK\r\nContent-", "", false},
		"surplus response":                     {ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nothers", "200 {}", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, raw(test.text, test.want != "" && name != "until the connection ends"))
			transport := s.transport(t)
			status, body, err := send(transport, post(t, t.Context(), "code=1"))
			got := ""
			if err == nil {
				got = fmt.Sprintf("%d %s", status, body)
			}
			if got != test.want || s.requests.Load() != 1 {
				t.Errorf("%q, %v, sent %d times", got, err, s.requests.Load())
			}
			if err != nil && strings.Contains(err.Error(), "OpenSSH") {
				t.Errorf("the error contains what the server sent: %v", err)
			}
			if test.want == "" {
				return
			}
			second, _, err := send(transport, post(t, t.Context(), "code=2"))
			if err != nil || second != status {
				t.Errorf("the second time: %d %v", second, err)
			}
			if reused := s.connections.Load() == 1; reused != test.reused {
				t.Errorf("reused: %v", reused)
			}
		})
	}
}
