package connlimit

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipeListener is a listener within the process, so that synctest controls the time.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() pipeListener {
	return pipeListener{make(chan net.Conn, 10), make(chan struct{})}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l pipeListener) Close() error   { close(l.closed); return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// connect connects a client until the test ends.
func (l pipeListener) connect(t *testing.T) net.Conn {
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	l.conns <- server
	return client
}

// testServer is a server with few connections. It responds to /wait when respond is closed
// and switches the protocol on /switch.
type testServer struct {
	pipeListener
	limit   *Listener
	respond chan struct{}

	mu      sync.Mutex
	evicted []string // states
}

func newTestServer(t *testing.T, connections int, secure *tls.Config) *testServer {
	s := &testServer{pipeListener: newPipeListener(), respond: make(chan struct{})}
	s.limit = New(s, Config{Max: connections, TLS: secure, HandshakeTimeout: 5 * time.Second, OnEvict: func(state string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.evicted = append(s.evicted, state)
	}})
	server := &http.Server{Handler: s, ConnContext: ConnContext, ConnState: ConnState,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 75 * time.Second}
	go func() { _ = server.Serve(s.limit) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// ServeHTTP implements [http.Handler].
func (s *testServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = TrackBody(r.Context(), r)
	_, _ = io.ReadAll(r.Body)
	if r.URL.Path == "/wait" {
		<-s.respond
	}
	if Starved(r.Context()) {
		w.Header().Set("Connection", "close")
	}
	if r.URL.Path == "/switch" {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			go func() {
				_, _ = io.Copy(io.Discard, c) // until the client closes it
				_ = c.Close()
			}()
		}
	}
}

func (s *testServer) expectEvicted(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.evicted, want) {
		t.Errorf("evicted %v, want %v", s.evicted, want)
	}
}

// client is a client that counts its responses.
type client struct {
	net.Conn
	responses atomic.Int32
	closed    atomic.Bool // by the server
}

// connect connects a client that sends a text and reads the responses.
func (s *testServer) connect(t *testing.T, text string) *client {
	return read(s.pipeListener.connect(t), text)
}

func read(conn net.Conn, text string) *client {
	c := &client{Conn: conn}
	c.send(text)
	go func() {
		p := make([]byte, 4096)
		for {
			n, err := c.Read(p)
			c.responses.Add(int32(strings.Count(string(p[:n]), "HTTP/1.1 200 OK")))
			if err != nil {
				c.closed.Store(true)
				return
			}
		}
	}()
	return c
}

// send sends a text in the background.
func (c *client) send(text string) {
	go func() { _, _ = io.WriteString(c.Conn, text) }()
}

// hasResponses reports whether n responses have arrived when all goroutines are blocked.
func (c *client) hasResponses(n int32) bool {
	synctest.Wait()
	return c.responses.Load() == n
}

// sleep waits, and then until all other goroutines are blocked.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const (
	complete       = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	atProvider     = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"
	bodyAtProvider = "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b"
	partialHeader  = "GET / HTTP/1.1\r\nX-Slow: "
	partialBody    = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
)

// TestA126A160Eviction checks that a full listener evicts the connection that has waited
// longest for its client, but incomplete requests in front of idle connections, none
// within the first second, and none whose request is at the provider.
func TestA126A160Eviction(t *testing.T) {
	const never = 5 * time.Second // until the provider has responded
	for name, test := range map[string]struct {
		clients []string // that connect one second after the other
		wait    time.Duration
		state   string // of the evicted connection
		evicted int    // its index
	}{
		"oldest header":                   {[]string{partialHeader, partialHeader}, 0, "reading", 0},
		"no header":                       {[]string{""}, 500 * time.Millisecond, "reading", 0},
		"young header":                    {[]string{partialHeader}, 500 * time.Millisecond, "reading", 0},
		"header in front of idle":         {[]string{complete, partialHeader}, 500 * time.Millisecond, "reading", 1},
		"body in front of header":         {[]string{partialBody, partialHeader}, 0, "reading", 0},
		"pipelined body in front of idle": {[]string{complete, complete + partialBody}, 500 * time.Millisecond, "reading", 1},
		"idle":                            {[]string{bodyAtProvider, complete, atProvider}, 0, "idle", 1},
		"at the provider":                 {[]string{bodyAtProvider}, never, "", -1},
		"pipelined and at the provider":   {[]string{complete + atProvider}, never, "", -1},
		"pipelined with a body":           {[]string{complete + bodyAtProvider}, never, "", -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTestServer(t, len(test.clients), nil)
				var clients []*client
				for _, text := range test.clients {
					sleep(500 * time.Millisecond)
					clients = append(clients, s.connect(t, text))
					sleep(500 * time.Millisecond)
				}
				newcomer := s.connect(t, complete)
				sleep(max(0, test.wait-time.Millisecond))
				if test.wait > 0 && newcomer.responses.Load() > 0 {
					t.Error("the new connection was served too early")
				}
				if test.wait == never {
					close(s.respond)
				}
				if sleep(2 * time.Millisecond); !newcomer.hasResponses(1) {
					t.Error("the new connection was not served")
				}
				for i, c := range clients {
					if test.evicted >= 0 && c.closed.Load() != (i == test.evicted) {
						t.Errorf("connection %d closed: %v", i, c.closed.Load())
					}
					if want := strings.Count(test.clients[i], " HTTP/1.1"); test.evicted < 0 && c.responses.Load() != int32(want) {
						t.Errorf("connection %d got %d responses, want %d", i, c.responses.Load(), want)
					}
				}
				s.expectEvicted(t, strings.Fields(test.state)...)
				if test.wait != never {
					close(s.respond)
				}
			})
		})
	}
}

// TestReusedConnectionStays checks that a connection is not idle as soon as something
// arrives on it.
func TestReusedConnectionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, 1, nil)
		reused := s.connect(t, complete)
		sleep(2 * time.Second)
		reused.send(complete[:10])
		sleep(time.Millisecond)
		s.connect(t, partialHeader)
		sleep(time.Millisecond)
		if reused.send(complete[10:]); !reused.hasResponses(2) {
			t.Error("no second response")
		}
		s.expectEvicted(t)
	})
}

// TestA126Idle checks that the listener is idle when every client has its response.
// Incomplete and pipelined requests and WebSockets count, idle connections do not.
func TestA126Idle(t *testing.T) {
	const other = "GET /switch HTTP/1.1\r\nHost: a\r\n\r\n"
	for text, idle := range map[string]bool{
		"": false, "GET / HT": false, partialBody: false, atProvider: false, complete: true, complete + complete: true,
		other: false, complete + other: false, complete + partialBody: false, complete + atProvider: false,
		complete + atProvider + "G": false, complete + bodyAtProvider: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestServer(t, 2, nil)
			s.connect(t, complete)
			c := s.connect(t, text)
			sleep(time.Second)
			if strings.HasSuffix(text, other) {
				c.send("another protocol")
			}
			sleep(time.Second)
			if s.limit.idle() != idle {
				t.Errorf("%q: idle is %v", text, !idle)
			}
			c.Close()
			close(s.respond)
			if sleep(time.Second); !s.limit.idle() {
				t.Errorf("%q: not idle when the client has left", text)
			}
		})
	}
}

// TestRequestOfEvictedConnection checks that a request that becomes complete when its
// connection is evicted is not handled.
func TestRequestOfEvictedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipeListener()
		l := New(pipes, Config{Max: 1})
		var accepted [2]net.Conn
		for i := range accepted {
			pipes.connect(t)
			accepted[i], _ = l.Accept()
		}
		body := &trackedBody{ReadCloser: http.NoBody, own: &http.Request{}, conn: accepted[0].(*conn)}
		if _, err := body.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the body ended with %v", err)
		}
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("the handler was not aborted")
			}
		}()
		r := httptest.NewRequestWithContext(ConnContext(t.Context(), accepted[0]), "GET", "/", nil)
		TrackBody(r.Context(), r)
	})
}

// TestAcceptBlocks checks that Accept waits until a connection is closed, and that closing
// the listener ends the waiting without losing the connection that was accepted.
func TestAcceptBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipeListener()
		l := New(pipes, Config{Max: 1, OnEvict: func(string) { t.Error("a connection was evicted") }})
		accepted := make(chan net.Conn, 3)
		go func() {
			for c, err := l.Accept(); err == nil; c, err = l.Accept() {
				c.(*conn).setState(stateHandling)
				accepted <- c
			}
		}()
		for range 3 {
			pipes.connect(t)
		}
		sleep(time.Minute)
		first := <-accepted
		if len(accepted) != 0 {
			t.Error("Accept did not wait")
		}
		first.Close()
		first.Close() // counts once
		sleep(time.Minute)
		second := <-accepted
		if len(accepted) != 0 {
			t.Error("Accept did not wait again")
		}
		l.Close()
		if sleep(time.Minute); len(accepted) != 1 {
			t.Error("the waiting connection was lost")
		}
		second.Close()
	})
}

// TestTLS checks that an incomplete TLS handshake counts as an incomplete request.
func TestTLS(t *testing.T) {
	provider := httptest.NewTLSServer(http.NotFoundHandler())
	provider.Close()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, 1, provider.TLS)
		silent := s.connect(t, "")
		sleep(2 * time.Second)
		// #nosec G402 -- the certificate does not matter here
		c := read(tls.Client(s.pipeListener.connect(t), &tls.Config{InsecureSkipVerify: true}), bodyAtProvider)
		sleep(10 * time.Second)
		s.connect(t, "")
		sleep(10 * time.Second)
		if !silent.closed.Load() || c.closed.Load() {
			t.Errorf("closed: the silent connection %v, the other one %v", silent.closed.Load(), c.closed.Load())
		}
		s.expectEvicted(t, "reading")
		close(s.respond)
		sleep(2 * time.Second)
		if !c.hasResponses(1) {
			t.Error("no response over TLS")
		}
	})
}

// TestTLSOfNetHTTP checks that TLS that net/http reads itself is not limited as a header.
func TestTLSOfNetHTTP(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener = New(server.Listener, Config{Max: 1})
	server.Config.ConnContext, server.Config.ConnState = ConnContext, ConnState
	server.StartTLS()
	defer server.Close()
	c, err := tls.Dial("tcp", server.Listener.Addr().String(), server.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		for range 300 {
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("a", 1000)+"\r\n\r\n")
		}
	}()
	responses := bufio.NewReader(c)
	for i := range 300 {
		resp, err := http.ReadResponse(responses, nil)
		if err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
	}
}

// TestA160UnreadResponse checks that a client that does not read its responses is evicted
// in front of an idle connection.
func TestA160UnreadResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, 2, nil)
		idle := s.connect(t, complete)
		unread := &client{Conn: s.pipeListener.connect(t)}
		unread.send(complete + complete)
		sleep(2 * time.Second)
		if newcomer := s.connect(t, complete); !newcomer.hasResponses(1) || idle.closed.Load() {
			t.Errorf("the idle connection was closed: %v", idle.closed.Load())
		}
		s.expectEvicted(t, "writing")
	})
}

// TestA161NewcomersDoNotWaitForEachOther checks that an idle connection is evicted as soon
// as the request of the last new connection is complete.
func TestA161NewcomersDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, 4, nil)
		for range 4 {
			s.connect(t, complete)
		}
		sleep(2 * time.Second)
		var newcomers []*client
		for range 4 {
			newcomers = append(newcomers, s.connect(t, ""))
		}
		sleep(20 * time.Millisecond)
		for _, c := range newcomers {
			c.send(complete)
		}
		for i, c := range newcomers {
			if !c.hasResponses(1) {
				t.Errorf("new connection %d waits", i)
			}
		}
	})
}

// TestA161BusyConnectionsMakeRoom checks that clients that send one request after the other,
// in pieces or not, do not keep new connections out, with an idle connection or without.
func TestA161BusyConnectionsMakeRoom(t *testing.T) {
	for _, test := range []struct {
		start, end string // of a request
		idle       int    // connections
	}{{"", complete, 0}, {partialHeader, "x\r\nHost: a\r\n\r\n", 0}, {partialHeader, "x\r\nHost: a\r\n\r\n", 1}} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestServer(t, 2+test.idle, nil)
			for range test.idle {
				s.connect(t, complete)
			}
			end := time.Now().Add(30 * time.Second)
			for range 2 {
				busy := s.connect(t, "")
				go func() {
					for !busy.closed.Load() && time.Now().Before(end) {
						_, _ = io.WriteString(busy.Conn, test.start)
						time.Sleep(700 * time.Millisecond)
						_, _ = io.WriteString(busy.Conn, test.end)
					}
				}()
				sleep(300 * time.Millisecond)
			}
			sleep(10 * time.Second)
			for i := range 5 {
				newcomer := s.connect(t, complete)
				if sleep(2 * time.Second); !newcomer.hasResponses(1) {
					t.Errorf("%+v: new connection %d waits", test, i)
				}
			}
			sleep(time.Until(end) + 3*time.Second)
		})
	}
}
