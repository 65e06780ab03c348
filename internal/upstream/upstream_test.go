package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"oauthgw/internal/upstream"
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

func (s *server) transport(t *testing.T, change func(*upstream.Config)) *upstream.Transport {
	t.Helper()
	c := upstream.Config{Server: &url.URL{Scheme: "http", Host: s.Addr().String()}}
	if change != nil {
		change(&c)
	}
	transport := upstream.New(c)
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
			if err == nil || errors.Is(err, upstream.ErrUnreachable) {
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
	if !errors.Is(err, upstream.ErrUnreachable) || !errors.Is(err, syscall.ECONNREFUSED) {
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
			transport := s.transport(t, func(c *upstream.Config) { c.Connections = 1 })
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
	transport := s.transport(t, func(c *upstream.Config) { c.Connections = 1 })
	slow := make(chan error)
	go func() { _, _, err := ask(transport, post(t, context.Background(), "slow")); slow <- err }()
	for s.requests.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, _, err := ask(transport, post(t, t.Context(), "code=1")); !errors.Is(err, upstream.ErrBusy) {
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
