package submission_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"oauthgw/internal/submission"
)

// server answers each request on each connection with octets of the test's own,
// and counts both.
type server struct {
	net.Listener
	connections, requests atomic.Int64
}

// serve starts a server whose answer to a request may say that the connection
// ends.
func serve(t *testing.T, answer func(w net.Conn, r *http.Request, body string) (more bool)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, answer)
}

func serveOn(t *testing.T, l net.Listener, answer func(w net.Conn, r *http.Request, body string) (more bool)) *server {
	s := &server{Listener: l}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			serving.Go(func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					body, err := io.ReadAll(r.Body)
					if err != nil {
						return
					}
					s.requests.Add(1)
					if !answer(c, r, string(body)) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return s
}

// says returns an answer of octets, after which the connection goes on or not.
func says(octets string, more bool) func(net.Conn, *http.Request, string) bool {
	return func(w net.Conn, _ *http.Request, _ string) bool {
		_, _ = io.WriteString(w, octets)
		return more
	}
}

func (s *server) transport(t *testing.T, change func(*submission.Config)) *submission.Transport {
	t.Helper()
	c := submission.Config{Server: &url.URL{Scheme: "http", Host: s.Addr().String()}}
	if change != nil {
		change(&c)
	}
	transport := submission.New(c)
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func post(t *testing.T, ctx context.Context, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://provider.example/oauth2/tokens?a=b", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	// Either makes http.Transport send a request again.
	r.Header.Set("Idempotency-Key", "k")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// ask performs a request and reads the reply to its end.
func ask(transport http.RoundTripper, r *http.Request) (status int, body string, err error) {
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

// A request is written as it is, and connections serve many.
func TestRequestsAreWritten(t *testing.T) {
	var got []string
	s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
		got = append(got, fmt.Sprintf("%s %s %s %v %q %v", r.Method, r.RequestURI, r.Host, r.Header, body, r.TransferEncoding))
		return says(ok, true)(w, r, body)
	})
	transport := s.transport(t, nil)
	for _, body := range []string{"code=1", "", "code=2"} {
		r := post(t, t.Context(), body)
		r.Host = "login.example.com"
		if status, text, err := ask(transport, r); status != 200 || text != "{}" || err != nil {
			t.Fatalf("%d %q %v", status, text, err)
		}
	}
	r := post(t, t.Context(), "")
	r.Method = "GET"
	if status, _, err := ask(transport, r); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	head := `POST /oauth2/tokens?a=b login.example.com map[Content-Length:[%d] Content-Type:[application/x-www-form-urlencoded] Idempotency-Key:[k] User-Agent:[Go-http-client/1.1]] %q []`
	for i, want := range []string{fmt.Sprintf(head, 6, "code=1"), fmt.Sprintf(head, 0, ""), fmt.Sprintf(head, 6, "code=2")} {
		if got[i] != want {
			t.Errorf("got  %s\nwant %s", got[i], want)
		}
	}
	if s.connections.Load() != 1 {
		t.Errorf("%d connections", s.connections.Load())
	}
}

// Whatever a server answers, it is asked once, and only a reply that is framed
// beyond doubt is taken from it.
func TestReplies(t *testing.T) {
	const large = 40 << 10
	for name, test := range map[string]struct {
		octets string
		want   string // status and body; empty: an error
		reused bool
	}{
		"a length":                      {ok, "200 {}", true},
		"no reason":                     {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", "200 {}", true},
		"an empty body":                 {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "400 ", true},
		"no content":                    {"HTTP/1.1 204 No Content\r\n\r\n", "204 ", true},
		"chunks":                        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", "200 {}", true},
		"chunks and a trailer":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n", "200 {}", true},
		"until the end":                 {"HTTP/1.1 200 OK\r\n\r\n{}", "200 {}", false},
		"the old version":               {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "200 {}", false},
		"a last reply":                  {"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\n{}", "200 {}", false},
		"interim replies":               {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\n\r\n" + ok, "200 {}", true},
		"many of them":                  {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1<<10) + ok, "", false},
		"another protocol":              {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "", false},
		"a large header":                {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", large) + "\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"many fields":                   {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", large/6) + "Content-Length: 2\r\n\r\n{}", "", false},
		"an endless status line":        {strings.Repeat("x", large), "", false},
		"an octet of nothing":           {"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a field without a colon":       {"HTTP/1.1 200 OK\r\nX\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a length and chunks":           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"two codings":                   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"chunks of the old version":     {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"a length twice":                {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a list of lengths":             {"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", "", false},
		"a length with a sign":          {"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", "", false},
		"a length below nothing":        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", "", false},
		"a length beyond numbers":       {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n{}", "", false},
		"a short body":                  {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", "", false},
		"short chunks":                  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "", false},
		"chunks without their end":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "", false},
		"a chunk of no size":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", "", false},
		"an endless trailer":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + strings.Repeat("X: y\r\n", 100) + "\r\n", "", false},
		"a status below all":            {"HTTP/1.1 099 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a status above all":            {"HTTP/1.1 600 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a status of four digits":       {"HTTP/1.1 1000 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a status with a sign":          {"HTTP/1.1 +20 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"another version":               {"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"another program":               {"SSH-2.0-OpenSSH_9.2\r\n", "", false},
		"nothing":                       {"", "", false},
		"half a head":                   {"HTTP/1.1 200 OK\r\nContent-", "", false},
		"a reply that nobody asked for": {ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nothers", "200 {}", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(test.octets, strings.HasPrefix(test.want, "200") && !strings.HasPrefix(name, "until") || test.want != ""))
			if name == "until the end" {
				s = serve(t, says(test.octets, false))
			}
			transport := s.transport(t, nil)
			status, body, err := ask(transport, post(t, t.Context(), "code=1"))
			got := ""
			if err == nil {
				got = fmt.Sprintf("%d %s", status, body)
			}
			if got != test.want || s.requests.Load() != 1 {
				t.Errorf("%q, %v, asked %d times", got, err, s.requests.Load())
			}
			if err != nil && strings.Contains(err.Error(), "OpenSSH") {
				t.Errorf("the error holds what the server sent: %v", err)
			}
			if test.want == "" {
				return
			}
			second, _, err := ask(transport, post(t, t.Context(), "code=2"))
			if err != nil || second != status {
				t.Errorf("the second time: %d %v", second, err)
			}
			if reused := s.connections.Load() == 1; reused != test.reused {
				t.Errorf("reused: %v", reused)
			}
		})
	}
}

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

// A request that has been written is not written again, whatever becomes of it.
func TestNothingIsSentTwice(t *testing.T) {
	for name, end := range map[string]func(net.Conn){
		"closed": func(c net.Conn) { c.Close() },
		"reset":  func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() },
		"half":   func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			first := true
			s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
				if first { // on a connection that is kept
					first = false
					return says(ok, true)(w, r, body)
				}
				end(w)
				return false
			})
			transport := s.transport(t, nil)
			if _, _, err := ask(transport, post(t, t.Context(), "code=1")); err != nil {
				t.Fatal(err)
			}
			_, _, err := ask(transport, post(t, t.Context(), "code=2"))
			if err == nil || errors.Is(err, submission.ErrUnreachable) {
				t.Errorf("%v", err)
			}
			if s.requests.Load() != 2 {
				t.Errorf("%d requests", s.requests.Load())
			}
		})
	}
}

// An error says if nothing was sent.
func TestUnreachable(t *testing.T) {
	s := serve(t, says(ok, true))
	transport := s.transport(t, nil)
	s.Close()
	_, _, err := ask(transport, post(t, t.Context(), "code=1"))
	if !errors.Is(err, submission.ErrUnreachable) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
}

// A request ends when its context does, in every state, and takes its connection
// with it.
func TestContexts(t *testing.T) {
	for name, octets := range map[string]string{
		"no reply": "", "half a head": "HTTP/1.1 200 OK\r\n", "half a body": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			arrived := make(chan bool, 1)
			s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
				_, _ = io.WriteString(w, octets)
				arrived <- true
				return true
			})
			transport := s.transport(t, func(c *submission.Config) { c.Connections = 1 })
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-arrived; cancel() }()
			if _, _, err := ask(transport, post(t, ctx, "code=1")); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, _, err := ask(transport, post(t, ctx, "code=2"))
			if timeout := net.Error(nil); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("%v", err)
			}
			if s.connections.Load() != 2 {
				t.Errorf("%d connections", s.connections.Load())
			}
		})
	}
}

// Beyond the bound a request is refused at once, and a slot is free again when an
// exchange ends, however it does.
func TestBusy(t *testing.T) {
	release := make(chan bool)
	s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
		if body == "slow" {
			<-release
		}
		return says(ok, true)(w, r, body)
	})
	transport := s.transport(t, func(c *submission.Config) { c.Connections = 1 })
	slow := make(chan error)
	go func() { _, _, err := ask(transport, post(t, context.Background(), "slow")); slow <- err }()
	for s.requests.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, _, err := ask(transport, post(t, t.Context(), "code=1")); !errors.Is(err, submission.ErrBusy) {
		t.Errorf("%v", err)
	}
	release <- true
	if err := <-slow; err != nil {
		t.Error(err)
	}
	resp, err := transport.RoundTrip(post(t, t.Context(), "code=2"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close() // unread
	resp.Body.Close()
	if status, _, err := ask(transport, post(t, t.Context(), "code=3")); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	if s.connections.Load() != 2 {
		t.Errorf("%d connections", s.connections.Load())
	}
}

// Idle connections are bounded in number and time.
func TestIdleConnections(t *testing.T) {
	s := serve(t, says(ok, true))
	transport := s.transport(t, func(c *submission.Config) { c.IdleConnections, c.IdleTime = 1, 30*time.Millisecond })
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
	time.Sleep(100 * time.Millisecond) // more than they are kept
	if _, _, err := ask(transport, post(t, t.Context(), "d")); err != nil || s.connections.Load() != 3 {
		t.Errorf("%d connections, %v", s.connections.Load(), err)
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
	transport := submission.New(submission.Config{Server: &url.URL{Scheme: "http", Host: "localhost"}, Socket: socket})
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
	secure := func(c *submission.Config) {
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
	untrusting := s.transport(t, func(c *submission.Config) { c.Server.Scheme = "https" })
	if _, _, err := ask(untrusting, post(t, t.Context(), "a")); !errors.Is(err, submission.ErrUnreachable) || !errors.As(err, new(*tls.CertificateVerificationError)) {
		t.Errorf("%v", err)
	}
}
