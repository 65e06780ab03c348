package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// crowded is a server with few connections, for tests with their own time.
type crowded struct {
	pipes
	bound    *bounded
	server   *http.Server
	answered chan struct{} // closed when the provider responds

	mu   sync.Mutex
	left []string // what the evicted connections were waited for
}

// evicted returns what the evicted connections were waited for.
func (s *crowded) evicted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.left)
}

func (s *crowded) evict(awaited string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = append(s.left, awaited)
}

// crowd starts a server for n connections. On the path /provider a request waits for the
// provider.
func crowd(t *testing.T, n int, over func(net.Listener) net.Listener) *crowded {
	s := &crowded{pipes: pipes{make(chan net.Conn, 10), make(chan struct{})}, answered: make(chan struct{})}
	s.serve(t, n, over, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/provider":
			<-s.answered
		case "/other":
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
				go func() {
					_, _ = io.Copy(io.Discard, c) // until the client closes it
					_ = c.Close()
				}()
			}
		}
	}))
	return s
}

// crowdAt starts a server for n connections with a handler.
func crowdAt(t *testing.T, n int, h http.Handler) *crowded {
	s := &crowded{pipes: pipes{make(chan net.Conn, 10), make(chan struct{})}}
	s.serve(t, n, plain, h)
	return s
}

func (s *crowded) serve(t *testing.T, n int, over func(net.Listener) net.Listener, h http.Handler) {
	s.server = (&servers{}).newServer(h, log.New(io.Discard, "", 0))
	s.bound = atMost(n, s.pipes, s.evict)
	l := over(s.bound)
	go func() { _ = s.server.Serve(l) }()
	t.Cleanup(func() { _ = s.server.Close() })
}

func plain(l net.Listener) net.Listener { return l }

// visitor is a client that counts its responses.
type visitor struct {
	net.Conn
	answers, ended atomic.Int32
}

// come connects a client that sends a text and reads responses.
func (s *crowded) come(t *testing.T, sends string) *visitor {
	client, other := net.Pipe()
	return s.comeBy(t, client, other, sends)
}

func (s *crowded) comeBy(t *testing.T, client, other net.Conn, sends string) *visitor {
	v := &visitor{Conn: client}
	t.Cleanup(func() { client.Close() })
	s.connections <- other
	v.say(sends)
	go func() {
		heard := make([]byte, 4096)
		for {
			n, err := v.Read(heard)
			v.answers.Add(int32(strings.Count(string(heard[:n]), "HTTP/1.1 200 OK")))
			if err != nil {
				v.ended.Store(1)
				return
			}
		}
	}()
	return v
}

// say sends a text in the background.
func (v *visitor) say(something string) {
	go func() { _, _ = io.WriteString(v.Conn, something) }()
}

// after sleeps, and waits until all other goroutines are blocked.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const (
	headerless = "GET / HTTP/1.1\r\nX-Slow: "
	bodiless   = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
	whole      = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	atProvider = "POST /provider HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b"
)

// pipes is a listener within the process, for tests with their own time.
type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// answering is a transport whose responses a test gives.
type answering func(*http.Request) *http.Response

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// TestSlowestConnectionIsEvicted checks that a new connection evicts the one that the server
// has waited for longest, and none before the grace has passed.
func TestSlowestConnectionIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 4, plain)
		var slow []*visitor
		for range 4 {
			slow = append(slow, s.come(t, headerless))
			after(100 * time.Millisecond)
		}
		newcomer := s.come(t, whole)
		after(grace - 401*time.Millisecond)
		if newcomer.answers.Load() != 0 || len(s.evicted()) != 0 {
			t.Error("one was evicted within the grace")
		}
		after(2 * time.Millisecond)
		if newcomer.answers.Load() != 1 || !slices.Equal(s.evicted(), []string{"reading"}) {
			t.Errorf("the newcomer was not served; evicted: %v", s.evicted())
		}
		for i, v := range slow {
			if (v.ended.Load() == 1) != (i == 0) {
				t.Errorf("%d ended: %d", i, v.ended.Load())
			}
		}
	})
}

// TestEvictionOrder checks that incomplete requests are evicted first, then idle connections, and
// none whose request is at the provider.
func TestEvictionOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 4, plain)
		var old []*visitor
		for _, sends := range []string{atProvider, whole, bodiless, headerless} {
			old = append(old, s.come(t, sends))
			after(time.Second)
		}
		after(time.Second)
		var newcomers []*visitor
		for _, leaves := range []int{2, 3, 1} {
			newcomers = append(newcomers, s.come(t, atProvider))
			after(time.Millisecond)
			if old[leaves].ended.Load() != 1 || len(s.evicted()) != len(newcomers) {
				t.Errorf("%d was not evicted, but %v", leaves, s.evicted())
			}
		}
		newcomers = append(newcomers, s.come(t, atProvider))
		after(20 * time.Second)
		if len(s.evicted()) != 3 || old[0].ended.Load() != 0 {
			t.Errorf("a connection whose request was at the provider was evicted: %v", s.evicted())
		}
		close(s.answered)
		after(time.Second)
		for i, v := range append(newcomers, old[0]) {
			if v.answers.Load() != 1 {
				t.Errorf("%d was not answered", i)
			}
		}
	})
}

// TestIdleConnectionStays checks that an idle connection stays while an incomplete request can be
// waited for.
func TestIdleConnectionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, plain)
		idle := s.come(t, whole)
		after(2 * time.Second)
		slow := s.come(t, headerless)
		after(time.Millisecond)
		newcomer := s.come(t, whole)
		after(grace)
		if idle.ended.Load() != 0 || slow.ended.Load() != 1 || newcomer.answers.Load() != 1 {
			t.Errorf("the idle one ended: %d, the slow one: %d", idle.ended.Load(), slow.ended.Load())
		}
	})
}

// TestReusedConnectionStays checks that a connection is not idle as soon as something arrives on it.
func TestReusedConnectionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 1, plain)
		kept := s.come(t, whole)
		after(2 * time.Second)
		kept.say(whole[:10])
		after(time.Millisecond)
		s.come(t, headerless)
		after(time.Millisecond)
		kept.say(whole[10:])
		after(time.Millisecond)
		if kept.answers.Load() != 2 || len(s.evicted()) != 0 {
			t.Errorf("it was answered %d times; evicted: %v", kept.answers.Load(), s.evicted())
		}
	})
}

// TestMovingUploadStays checks that a body that moves is waited for less long than one that does not.
func TestMovingUploadStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, plain)
		upload := s.come(t, bodiless)
		after(time.Second)
		stuck := s.come(t, bodiless)
		after(time.Second)
		upload.say(strings.Repeat("x", ample))
		after(2 * time.Second)
		s.come(t, whole)
		after(time.Millisecond)
		if stuck.ended.Load() != 1 || upload.ended.Load() != 0 {
			t.Errorf("the upload ended: %d, the other: %d", upload.ended.Load(), stuck.ended.Load())
		}
	})
}

// TestQuiet checks that the listener is quiet when every client has its response: connections
// on which something has begun and WebSockets count, idle ones do not.
func TestQuiet(t *testing.T) {
	const request = " HTTP/1.1\r\nHost: a\r\n\r\n"
	for sends, quiet := range map[string]bool{
		"": false, "GET / HT": false, bodiless: false, "GET /provider" + request: false,
		whole: true, whole + whole: true, "GET /other" + request: false, whole + "GET /other" + request: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := crowd(t, 2, plain)
			_, gone := s.come(t, whole), s.come(t, sends)
			after(time.Second)
			if strings.Contains(sends, "/other") {
				gone.say("something else")
				after(time.Second)
			}
			if s.bound.quiet() != quiet {
				t.Errorf("%q: quiet is %v", sends, !quiet)
			}
			gone.Close()
			close(s.answered)
			after(time.Second)
			if !s.bound.quiet() {
				t.Errorf("%q: it is not quiet afterwards", sends)
			}
		})
	}
}

// TestHeaderTimeOfNextRequest checks that the next request on a connection has as long for its header
// as the first.
func TestHeaderTimeOfNextRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, plain)
		v := s.come(t, whole)
		after(time.Minute)
		v.say("\r\n")
		after(headerTime / 2)
		if v.ended.Load() != 0 || s.bound.quiet() {
			t.Error("it was not waited for")
		}
		after(headerTime)
		if v.ended.Load() == 0 || !s.bound.quiet() {
			t.Error("it was still waited for")
		}
	})
}

// TestRequestOfEvictedConnection checks that a request that becomes complete when its connection is
// evicted is not handled.
func TestRequestOfEvictedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := pipes{make(chan net.Conn, 2), make(chan struct{})}
		l := atMost(1, ends, func(string) {})
		for range 2 {
			client, other := net.Pipe()
			defer client.Close()
			ends.connections <- other
		}
		first, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
		arrived := &arriving{ReadCloser: io.NopCloser(strings.NewReader("")), on: first.(*connection)}
		if _, err := arrived.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the body ended with %v", err)
		}
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("it was not aborted")
			}
		}()
		r := httptest.NewRequestWithContext(withConnection(t.Context(), first), "GET", "/", nil)
		untilWhole(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was handled") })).ServeHTTP(nil, r)
	})
}

// TestListenerBlocks checks that Accept waits until a connection ends, and that closing the
// listener ends the waiting without losing the connection that was accepted.
func TestListenerBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := pipes{make(chan net.Conn, 3), make(chan struct{})}
		l := atMost(1, ends, func(string) { t.Error("one was evicted") })
		accepted := make(chan net.Conn, 3)
		go func() {
			defer close(accepted)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.(*connection).await(nothing)
				accepted <- c
			}
		}()
		expect := func(n int) {
			t.Helper()
			after(time.Minute)
			if len(accepted) != n {
				t.Fatalf("%d were accepted, want %d", len(accepted), n)
			}
		}
		for range 3 {
			client, other := net.Pipe()
			defer client.Close()
			ends.connections <- other
		}
		expect(1)
		first := <-accepted
		first.Close()
		first.Close()
		expect(1)
		l.Close()
		expect(2)
		<-accepted
		<-accepted
		if c, ok := <-accepted; ok {
			t.Errorf("%v was accepted after the end", c)
		}
	})
}

// TestUnfinishedHandshakeIsEvicted checks that with TLS a handshake that does not end is an
// incomplete request.
func TestUnfinishedHandshakeIsEvicted(t *testing.T) {
	shown := httptest.NewTLSServer(http.NotFoundHandler())
	shown.Close()
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 1, func(l net.Listener) net.Listener {
			l.(*bounded).tls = shown.TLS
			return l
		})
		silent := s.come(t, "")
		after(2 * time.Second)
		client, other := net.Pipe()
		// #nosec G402 -- the certificate does not matter here
		speaks := s.comeBy(t, tls.Client(client, &tls.Config{InsecureSkipVerify: true}), other, atProvider)
		after(10 * time.Second)
		s.come(t, "")
		after(10 * time.Second)
		if silent.ended.Load() != 1 || speaks.ended.Load() != 0 || !slices.Equal(s.evicted(), []string{"reading"}) {
			t.Errorf("the silent one ended: %d, the other: %d; evicted: %v", silent.ended.Load(), speaks.ended.Load(), s.evicted())
		}
		close(s.answered)
		after(2 * time.Second)
		if !slices.Equal(s.evicted(), []string{"reading", "idle"}) {
			t.Errorf("evicted: %v", s.evicted())
		}
	})
}

// connect connects a client to a server.
func (s *crowded) connect(t *testing.T, sends string) net.Conn {
	client, other := net.Pipe()
	t.Cleanup(func() { client.Close() })
	s.connections <- other
	go func() { _, _ = io.WriteString(client, sends) }()
	return client
}

// fronted returns the handler of a token endpoint over a transport.
func fronted(t *testing.T, timeout time.Duration, over http.RoundTripper) http.Handler {
	t.Helper()
	s := learning(t, "https://provider.example")
	h, err := proxy.New(proxy.Config{Endpoint: "token", Target: &url.URL{Scheme: "http", Host: "provider.example"}, Rules: s.Rules,
		Timeout: timeout, Transport: over, Metrics: metrics.New(metrics.Build{}), Log: nobodys()})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const formHead = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "

// TestSlowReaders checks that a client that does not read its response is disconnected
// after a while, and that one that receives a stream for a day is not.
func TestSlowReaders(t *testing.T) {
	passthrough := func(_ *testing.T, over http.RoundTripper) http.Handler {
		return proxy.NewPassthrough(proxy.PassthroughConfig{Upstream: &url.URL{Scheme: "http", Host: "provider.example"},
			Transport: over, URLMap: origin.Map{}, Metrics: metrics.New(metrics.Build{}), Log: nobodys()})
	}
	for name, test := range map[string]struct {
		handler func(*testing.T, http.RoundTripper) http.Handler
		reads   bool
	}{
		"an endpoint": {func(t *testing.T, over http.RoundTripper) http.Handler { return fronted(t, time.Minute, over) }, false},
		"an error": {func(*testing.T, http.RoundTripper) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
		}, false},
		"a page":   {passthrough, false},
		"a stream": {passthrough, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := crowdAt(t, 10, test.handler(t, answering(func(r *http.Request) *http.Response {
					in, out := io.Pipe()
					go func() {
						pause := map[bool]time.Duration{true: 6 * time.Hour, false: time.Second}[test.reads]
						for range 4 {
							time.Sleep(pause)
							_, _ = out.Write(make([]byte, 1<<17))
						}
						time.Sleep(pause)
						out.Close()
					}()
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: in, Request: r, ContentLength: -1}
				})))
				resp, err := http.ReadResponse(bufio.NewReader(s.connect(t, formHead+"0\r\n\r\n")), nil)
				if err != nil {
					t.Fatal(err)
				}
				if !test.reads {
					time.Sleep(2 * time.Minute)
					if !s.bound.quiet() {
						t.Error("the client is still connected")
					}
				} else if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(body, make([]byte, 1<<19)) {
					t.Errorf("%d bytes, %v", len(body), err)
				}
			})
		})
	}
}

// TestSlowBodyLeavesTheProviderItsTime checks that the time of a slow request body is not
// taken from the provider.
func TestSlowBodyLeavesTheProviderItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := time.Duration(0)
		s := crowdAt(t, 1, fronted(t, 2*time.Second, answering(func(r *http.Request) *http.Response {
			deadline, _ := r.Context().Deadline()
			left = time.Until(deadline)
			return &http.Response{StatusCode: 401, Header: http.Header{}, Body: http.NoBody, Request: r}
		})))
		client := s.connect(t, formHead+"3\r\n\r\na=")
		time.AfterFunc(5*time.Second, func() { _, _ = io.WriteString(client, "b") })
		if resp, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil || left != 2*time.Second {
			t.Errorf("%+v %v; the provider had %s", resp, err, left)
		}
	})
}
