package upstream

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
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server responds with raw bytes, and counts connections and requests.
type server struct {
	net.Listener
	connections, requests atomic.Int64
}

// responder responds to a request. It returns whether the connection stays open.
type responder func(w net.Conn, r *http.Request, body string) (open bool)

// serve starts a server on a free port.
func serve(t *testing.T, respond responder) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, l, respond)
}

func serveOn(t *testing.T, l net.Listener, respond responder) *server {
	s := &server{Listener: l}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			running.Go(func() { s.handle(c, respond) })
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return s
}

func (s *server) handle(c net.Conn, respond responder) {
	defer c.Close()
	in := bufio.NewReader(c)
	for open := true; open; {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.requests.Add(1)
		open = respond(c, r, string(body))
	}
}

// raw returns a responder that writes a text.
func raw(text string, open bool) responder {
	return func(w net.Conn, _ *http.Request, _ string) bool {
		_, _ = io.WriteString(w, text)
		return open
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

func (s *server) transport(t *testing.T) *Transport {
	transport := New(Config{Server: &url.URL{Scheme: "http", Host: s.Addr().String()}})
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func post(t *testing.T, ctx context.Context, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://provider.example/oauth2/tokens?a=b", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	// GetBody or an idempotency key make http.Transport send a request again.
	r.Header.Set("Idempotency-Key", "k")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// send sends a request and reads the response completely.
func send(transport http.RoundTripper, r *http.Request) (status int, body string, err error) {
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if _, again := resp.Body.Read(make([]byte, 1)); again == io.EOF {
		err = nil // it must stay, because io.EOF means that the body is complete
	}
	return resp.StatusCode, string(text), err
}

func TestRequests(t *testing.T) {
	var got []string
	s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
		got = append(got, fmt.Sprintf("%s %s %s %v %q %v", r.Method, r.RequestURI, r.Host, r.Header, body, r.TransferEncoding))
		return raw(ok, true)(w, r, body)
	})
	transport := s.transport(t)
	const format = `%s /oauth2/tokens?a=b login.example.com map[%sContent-Type:[application/x-www-form-urlencoded] Idempotency-Key:[k] User-Agent:[Go-http-client/1.1]] %q []`
	for i, test := range []struct{ method, body, length string }{
		{"POST", "code=1", "Content-Length:[6] "}, {"POST", "", "Content-Length:[0] "}, {"GET", "", ""},
	} {
		r := post(t, t.Context(), test.body)
		r.Method, r.Host = test.method, "login.example.com"
		if status, text, err := send(transport, r); status != 200 || text != "{}" || err != nil {
			t.Fatalf("%d %q %v", status, text, err)
		}
		if want := fmt.Sprintf(format, test.method, test.length, test.body); got[i] != want {
			t.Errorf("got  %s\nwant %s", got[i], want)
		}
	}
	if s.connections.Load() != 1 {
		t.Errorf("%d connections", s.connections.Load())
	}
}

// A request on a reused connection that the server closes is not sent again.
func TestRequestsAreSentOnce(t *testing.T) {
	for name, end := range map[string]func(net.Conn){
		"closed":         func(c net.Conn) { c.Close() },
		"reset":          func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); c.Close() },
		"partial header": func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
				if body == "code=1" {
					return raw(ok, true)(w, r, body)
				}
				end(w)
				return false
			})
			transport := s.transport(t)
			if _, _, err := send(transport, post(t, t.Context(), "code=1")); err != nil {
				t.Fatal(err)
			}
			if _, _, err := send(transport, post(t, t.Context(), "code=2")); err == nil || errors.Is(err, ErrUnreachable) {
				t.Errorf("%v", err)
			}
			if s.requests.Load() != 2 || s.connections.Load() != 1 {
				t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
			}
		})
	}
}

// A request ends with its context, in every state. Its connection is closed and its slot
// released.
func TestContexts(t *testing.T) {
	for name, text := range map[string]string{
		"no response": "", "partial header": "HTTP/1.1 200 OK\r\n", "partial body": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			arrived := make(chan bool, 2)
			s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
				arrived <- true
				return raw(text, true)(w, r, body)
			})
			transport := s.transport(t)
			transport.inFlight = make(chan struct{}, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-arrived; cancel() }()
			if _, _, err := send(transport, post(t, ctx, "code=1")); !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, _, err := send(transport, post(t, ctx, "code=2"))
			if timeout := net.Error(nil); !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("%v", err)
			}
			if s.connections.Load() != 2 {
				t.Errorf("%d connections", s.connections.Load())
			}
		})
	}
}

// Requests of one client that make the server hang, close the connection or respond with
// nonsense do not keep others from the server.
func TestA132BadResponsesDoNotBlockOthers(t *testing.T) {
	for name, misbehave := range map[string]responder{
		"hangs": func(w net.Conn, _ *http.Request, _ string) bool {
			_, _ = io.Copy(io.Discard, w)
			return false
		},
		"closes":   raw("", false),
		"nonsense": raw("nonsense\r\n\r\n", false),
	} {
		s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
			if body == "code=bad" {
				return misbehave(w, r, body)
			}
			return raw(ok, true)(w, r, body)
		})
		transport := s.transport(t)
		ctx, cancel := context.WithCancel(t.Context())
		var bad sync.WaitGroup
		for range 40 {
			bad.Go(func() {
				if _, _, err := send(transport, post(t, ctx, "code=bad")); err == nil || errors.Is(err, ErrUnreachable) {
					t.Errorf("%s: the bad request ended with %v", name, err)
				}
			})
		}
		for s.requests.Load() < 40 {
			time.Sleep(time.Millisecond)
		}
		if _, _, err := send(transport, post(t, t.Context(), "code=good")); err != nil {
			t.Errorf("%s: during the bad requests: %v", name, err)
		}
		cancel()
		bad.Wait()
		if _, _, err := send(transport, post(t, t.Context(), "code=good")); err != nil {
			t.Errorf("%s: after the bad requests: %v", name, err)
		}
	}
}

func TestBusy(t *testing.T) {
	s := serve(t, raw(ok, true))
	transport := s.transport(t)
	transport.inFlight = make(chan struct{}, 1)
	resp, err := transport.RoundTrip(post(t, t.Context(), "code=1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := send(transport, post(t, t.Context(), "code=2")); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	resp.Body.Close() // unread
	resp.Body.Close()
	for range 2 {
		if status, _, err := send(transport, post(t, t.Context(), "code=3")); status != 200 || err != nil {
			t.Errorf("%d %v", status, err)
		}
	}
	if s.requests.Load() != 3 || s.connections.Load() != 2 {
		t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
	}
}

// panickingConn panics when the response is read.
type panickingConn struct{ net.Conn }

func (panickingConn) Read([]byte) (int, error) { panic("canary") }

func TestPanicReleasesSlotAndConnection(t *testing.T) {
	s := serve(t, raw(ok, true))
	transport := s.transport(t)
	transport.inFlight = make(chan struct{}, 1)
	plain, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(panickingConn{plain})
	c.raw = plain
	transport.pool.put(c)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _, _ = send(transport, post(t, t.Context(), "code=1"))
	}()
	if _, _, err := send(transport, post(t, t.Context(), "code=2")); err != nil {
		t.Error(err)
	}
	if _, err := plain.Write(nil); err == nil {
		t.Error("the connection is still open")
	}
}
