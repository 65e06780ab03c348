package main

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowded is a server with few places, in a time of its own.
type crowded struct {
	pipes
	bound    *bounded
	server   *http.Server
	answered chan struct{} // the provider answers what is at it

	mu   sync.Mutex
	left []string // what those who had to leave were waited for
}

// evicted returns what was waited for from those who had to leave.
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

// crowd begins a server with n places. On the path /provider a request takes until
// the provider answers.
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

// crowdAt starts a server with n places and a handler of the test's own.
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

// visitor is a client and what it heard.
type visitor struct {
	net.Conn
	answers, ended atomic.Int32
}

// come connects a client that sends something, and listens.
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

// say sends something as soon as it is taken.
func (v *visitor) say(something string) {
	go func() { _, _ = io.WriteString(v.Conn, something) }()
}

// after lets time pass, and what happens by then happen.
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

// Who has kept us waiting longest leaves for a newcomer, and nobody within the grace.
func TestWhoKeepsUsWaitingLongestLeaves(t *testing.T) {
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
			t.Error("one left within the grace")
		}
		after(2 * time.Millisecond)
		if newcomer.answers.Load() != 1 || !slices.Equal(s.evicted(), []string{"reading"}) {
			t.Errorf("the newcomer was not served; %v left", s.evicted())
		}
		for i, v := range slow {
			if (v.ended.Load() == 1) != (i == 0) {
				t.Errorf("%d ended: %d", i, v.ended.Load())
			}
		}
	})
}

// Those leave first whose request is not whole, then those that are idle, and none
// whose request is at the provider.
func TestWhoseRequestIsWholeStays(t *testing.T) {
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
				t.Errorf("not %d left, but %v", leaves, s.evicted())
			}
		}
		newcomers = append(newcomers, s.come(t, atProvider))
		after(20 * time.Second)
		if len(s.evicted()) != 3 || old[0].ended.Load() != 0 {
			t.Errorf("whose request was at the provider had to leave: %v", s.evicted())
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

// An idle connection stays while another is to be waited for.
func TestWhoIsIdleStaysForOthers(t *testing.T) {
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

// A connection is no longer idle as soon as something arrives on it.
func TestWhoJustSendsARequestStays(t *testing.T) {
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
			t.Errorf("it was answered %d times; %v left", kept.answers.Load(), s.evicted())
		}
	})
}

// A client that has connected, sends a request or waits for a response has to be
// answered before the end, and a WebSocket has to end. An idle connection need not.
func TestWhoWaitsAtTheEnd(t *testing.T) {
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

// Who begins another request has as long for it as for the first.
func TestOtherRequestTakesNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, plain)
		v := s.come(t, whole)
		after(time.Minute)
		v.say("\r\n")
		after(headerTime / 2)
		if v.ended.Load() != 0 || s.bound.quiet() {
			t.Error("it is not waited for")
		}
		after(headerTime)
		if v.ended.Load() == 0 || !s.bound.quiet() {
			t.Error("it is still waited for")
		}
	})
}

// A large body that moves does not keep us waiting as long as one that does not.
func TestUploadThatMovesStays(t *testing.T) {
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

// What arrives whole just as the connection has to leave goes nowhere.
func TestRequestOfWhoLeftGoesNowhere(t *testing.T) {
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

// Whoever was taken from the queue and waits for a place has one when the listener
// ends.
func TestWhoWaitsAtTheEndIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := pipes{make(chan net.Conn), make(chan struct{})}
		l := atMost(0, ends, func(string) {})
		taken := make(chan error)
		go func() {
			_, err := l.Accept()
			taken <- err
		}()
		client, other := net.Pipe()
		defer client.Close()
		ends.connections <- other
		after(time.Minute)
		select {
		case err := <-taken:
			t.Errorf("it had a place before: %v", err)
		default:
		}
		l.Close()
		if err := <-taken; err != nil {
			t.Error(err)
		}
	})
}

// Under TLS a handshake that does not end is a header that does not come.
func TestHandshakeKeepsUsWaiting(t *testing.T) {
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
		// #nosec G402 -- it is about what comes behind
		speaks := s.comeBy(t, tls.Client(client, &tls.Config{InsecureSkipVerify: true}), other, atProvider)
		after(10 * time.Second)
		s.come(t, "")
		after(10 * time.Second)
		if silent.ended.Load() != 1 || speaks.ended.Load() != 0 || !slices.Equal(s.evicted(), []string{"reading"}) {
			t.Errorf("who was silent ended: %d, who was not: %d; %v left", silent.ended.Load(), speaks.ended.Load(), s.evicted())
		}
		close(s.answered)
		after(2 * time.Second)
		if !slices.Equal(s.evicted(), []string{"reading", "idle"}) {
			t.Errorf("there left %v", s.evicted())
		}
	})
}

// The gateway closes a connection of those that only have been opened, and tells so.
func TestNewcomersAreServed(t *testing.T) {
	g := startGateway(t, learning(t, "http://127.0.0.1:1", func(c *config.Config) { c.MaxConnections = 4 }))
	var silent []net.Conn
	for range 4 {
		c, err := net.Dial("tcp", g.data)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	if answer := send(t, g.data, "GET / HTTP/1.1\nHost: a\nConnection: close"); !strings.HasPrefix(answer, "HTTP/1.1 503 ") {
		t.Errorf("got %s", answer)
	}
	if _, err := silent[0].Read(make([]byte, 1)); err == nil {
		t.Errorf("the first one read %v", err)
	}
	if text := g.settled(t); !strings.Contains(text, "oauthgw_connections_evicted_total{state=\"reading\"} 1\n") {
		t.Errorf("the metrics say otherwise:\n%s", text)
	}
}
