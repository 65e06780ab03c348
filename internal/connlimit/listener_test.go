package connlimit

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
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

const headerTime = 5 * time.Second

// newServer returns a server as package server configures it.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if Starved(r.Context()) {
				w.Header().Set("Connection", "close")
			}
			h.ServeHTTP(w, TrackBody(r.Context(), r))
		}),
		ConnContext: ConnContext, ConnState: ConnState,
		ReadHeaderTimeout: headerTime, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 75 * time.Second,
		MaxHeaderBytes: 12 << 10, ErrorLog: log.New(io.Discard, "", 0),
	}
}

// crowded is a server with few connections, for tests with their own time.
type crowded struct {
	pipes
	limit    *Listener
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
func crowd(t *testing.T, n int, secure *tls.Config) *crowded {
	s := &crowded{pipes: pipes{make(chan net.Conn, 10), make(chan struct{})}, answered: make(chan struct{})}
	s.serve(t, n, secure, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	s.serve(t, n, nil, h)
	return s
}

func (s *crowded) serve(t *testing.T, n int, secure *tls.Config, h http.Handler) {
	s.server = newServer(h)
	s.limit = New(s.pipes, Config{Max: n, HeaderTimeout: headerTime, TLS: secure, OnEvict: s.evict})
	go func() { _ = s.server.Serve(s.limit) }()
	t.Cleanup(func() { _ = s.server.Close() })
}

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
	withoutHeader = "GET / HTTP/1.1\r\nX-Slow: "
	withoutBody   = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
	whole         = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	atProvider    = "POST /provider HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b"
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

// TestSlowestConnectionIsEvicted checks that a new connection evicts the one that the server
// has waited for longest, and none before the minEvictAge has passed.
func TestSlowestConnectionIsEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 4, nil)
		var slow []*visitor
		for range 4 {
			slow = append(slow, s.come(t, withoutHeader))
			after(100 * time.Millisecond)
		}
		newcomer := s.come(t, whole)
		after(minEvictAge - 401*time.Millisecond)
		if newcomer.answers.Load() != 0 || len(s.evicted()) != 0 {
			t.Error("one was evicted within the minEvictAge")
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
		s := crowd(t, 4, nil)
		var old []*visitor
		for _, sends := range []string{atProvider, whole, withoutBody, withoutHeader} {
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
		s := crowd(t, 2, nil)
		idle := s.come(t, whole)
		after(2 * time.Second)
		slow := s.come(t, withoutHeader)
		after(time.Millisecond)
		newcomer := s.come(t, whole)
		after(minEvictAge)
		if idle.ended.Load() != 0 || slow.ended.Load() != 1 || newcomer.answers.Load() != 1 {
			t.Errorf("the idle one ended: %d, the slow one: %d", idle.ended.Load(), slow.ended.Load())
		}
	})
}

// TestReusedConnectionStays checks that a connection is not idle as soon as something arrives on it.
func TestReusedConnectionStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 1, nil)
		kept := s.come(t, whole)
		after(2 * time.Second)
		kept.say(whole[:10])
		after(time.Millisecond)
		s.come(t, withoutHeader)
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
		s := crowd(t, 2, nil)
		upload := s.come(t, withoutBody)
		after(time.Second)
		stuck := s.come(t, withoutBody)
		after(time.Second)
		upload.say(strings.Repeat("x", progressBytes))
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
		"": false, "GET / HT": false, withoutBody: false, "GET /provider" + request: false,
		whole: true, whole + whole: true, "GET /other" + request: false, whole + "GET /other" + request: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := crowd(t, 2, nil)
			_, gone := s.come(t, whole), s.come(t, sends)
			after(time.Second)
			if strings.Contains(sends, "/other") {
				gone.say("something else")
				after(time.Second)
			}
			if s.limit.idle() != quiet {
				t.Errorf("%q: quiet is %v", sends, !quiet)
			}
			gone.Close()
			close(s.answered)
			after(time.Second)
			if !s.limit.idle() {
				t.Errorf("%q: it is not quiet afterwards", sends)
			}
		})
	}
}

// TestHeaderTimeOfNextRequest checks that the next request on a connection has as long for its header
// as the first.
func TestHeaderTimeOfNextRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, nil)
		v := s.come(t, whole)
		after(time.Minute)
		v.say("\r\n")
		after(headerTime / 2)
		if v.ended.Load() != 0 || s.limit.idle() {
			t.Error("it was not waited for")
		}
		after(headerTime)
		if v.ended.Load() == 0 || !s.limit.idle() {
			t.Error("it was still waited for")
		}
	})
}

// TestRequestOfEvictedConnection checks that a request that becomes complete when its connection is
// evicted is not handled.
func TestRequestOfEvictedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := pipes{make(chan net.Conn, 2), make(chan struct{})}
		l := New(ends, Config{Max: 1})
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
		arrived := &trackedBody{ReadCloser: io.NopCloser(strings.NewReader("")), own: &http.Request{}, conn: first.(*conn)}
		if _, err := arrived.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the body ended with %v", err)
		}
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("it was not aborted")
			}
		}()
		r := httptest.NewRequestWithContext(ConnContext(t.Context(), first), "GET", "/", nil)
		TrackBody(r.Context(), r)
	})
}

// TestListenerBlocks checks that Accept waits until a connection ends, and that closing the
// listener ends the waiting without losing the connection that was accepted.
func TestListenerBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends := pipes{make(chan net.Conn, 3), make(chan struct{})}
		l := New(ends, Config{Max: 1, OnEvict: func(string) { t.Error("one was evicted") }})
		accepted := make(chan net.Conn, 3)
		go func() {
			defer close(accepted)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.(*conn).setState(stateHandling)
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
		s := crowd(t, 1, shown.TLS)
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

// A client that does not read its responses leaves its connection to a newcomer, and
// the longest idle one keeps its own.
func TestA160ResponseThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, nil)
		idle := s.come(t, whole)
		client, other := net.Pipe()
		defer client.Close()
		s.connections <- other
		go func() { _, _ = io.WriteString(client, whole+whole) }()
		after(2 * time.Second)
		newcomer := s.come(t, whole)
		after(10 * time.Millisecond)
		if newcomer.answers.Load() != 1 || idle.ended.Load() != 0 || !slices.Equal(s.evicted(), []string{"writing"}) {
			t.Errorf("the newcomer was answered %d times; evicted: %v", newcomer.answers.Load(), s.evicted())
		}
	})
}

// A response that is written after a long wait for the provider is not evicted.
func TestA160ExchangeIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 1, nil)
		exchange := s.come(t, atProvider)
		after(5 * time.Second)
		s.come(t, whole)
		after(5 * time.Second)
		close(s.answered)
		after(time.Second)
		if exchange.answers.Load() != 1 {
			t.Error("it was not answered")
		}
	})
}

// A newcomer takes an idle connection as soon as the request before it is whole.
func TestA161NewcomersDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 4, nil)
		for range 4 {
			s.come(t, whole)
		}
		after(2 * time.Second)
		var newcomers []*visitor
		for range 4 {
			newcomers = append(newcomers, s.come(t, ""))
		}
		after(20 * time.Millisecond)
		for _, newcomer := range newcomers {
			newcomer.say(whole)
		}
		after(10 * time.Millisecond)
		for i, newcomer := range newcomers {
			if newcomer.answers.Load() != 1 {
				t.Errorf("newcomer %d waits", i)
			}
		}
	})
}

// Clients that send a request again and again hold a connection no longer than it
// takes a newcomer to wait for the minEvictAge.
func TestA161BusyConnectionsMakeRoom(t *testing.T) {
	for name, test := range map[string]struct {
		begins, ends string // of a request
		idle         int    // connections that are not busy
	}{
		"requests":                  {"", whole, 0},
		"requests in pieces":        {withoutHeader, "x\r\nHost: a\r\n\r\n", 0},
		"requests that protect one": {withoutHeader, "x\r\nHost: a\r\n\r\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := crowdAt(t, 2+test.idle, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
				for range test.idle {
					s.come(t, whole)
				}
				end := time.Now().Add(30 * time.Second)
				for range 2 {
					busy := s.come(t, "")
					go func() {
						for busy.ended.Load() == 0 && time.Now().Before(end) {
							_, _ = io.WriteString(busy.Conn, test.begins)
							time.Sleep(700 * time.Millisecond)
							_, _ = io.WriteString(busy.Conn, test.ends)
						}
					}()
					after(300 * time.Millisecond)
				}
				after(10 * time.Second)
				for i := range 5 {
					newcomer := s.come(t, whole)
					after(2 * time.Second)
					if newcomer.answers.Load() != 1 {
						t.Errorf("newcomer %d waits", i)
					}
				}
				after(time.Until(end) + 3*time.Second)
			})
		})
	}
}

const pipelinedPost = whole + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"

// A pipelined request is no idle connection, neither while its body arrives nor while
// it is handled.
func TestA126PipelinedRequestIsNotIdle(t *testing.T) {
	for name, sends := range map[string]string{
		"its body arrives":  pipelinedPost,
		"it is handled":     whole + "GET /provider HTTP/1.1\r\nHost: a\r\n\r\n",
		"a third is behind": whole + "GET /provider HTTP/1.1\r\nHost: a\r\n\r\nG",
		"it has a body":     whole + atProvider,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := crowd(t, 2, nil)
				pipelined := s.come(t, sends)
				after(time.Second)
				if strings.HasSuffix(sends, "G") {
					pipelined.say("ET ")
				}
				after(time.Second)
				if s.limit.idle() {
					t.Error("a drain does not wait for it")
				}
				close(s.answered)
				pipelined.say("a=b")
				after(time.Second)
				if pipelined.answers.Load() != 2 {
					t.Errorf("it was answered %d times", pipelined.answers.Load())
				}
			})
		})
	}
}

// A pipelined request that is handled keeps its connection.
func TestA126PipelinedRequestIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 1, nil)
		pipelined := s.come(t, whole+"GET /provider HTTP/1.1\r\nHost: a\r\n\r\n")
		after(2 * time.Second)
		newcomer := s.come(t, whole)
		after(5 * time.Second)
		if len(s.evicted()) != 0 {
			t.Errorf("evicted: %v", s.evicted())
		}
		close(s.answered)
		after(2 * time.Second)
		if pipelined.answers.Load() != 2 || newcomer.answers.Load() != 1 {
			t.Errorf("answered %d and %d times", pipelined.answers.Load(), newcomer.answers.Load())
		}
	})
}

// A pipelined request whose body does not arrive is an incomplete request, which leaves
// before idle connections do.
func TestA126PipelinedRequestIsIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, nil)
		idle := s.come(t, whole)
		after(time.Second)
		s.come(t, pipelinedPost)
		after(2 * time.Second)
		newcomer := s.come(t, whole)
		after(time.Second)
		if !slices.Equal(s.evicted(), []string{"reading"}) || idle.ended.Load() != 0 || newcomer.answers.Load() != 1 {
			t.Errorf("evicted: %v", s.evicted())
		}
	})
}

// TestA124LimitsOfAdmittedRequests checks that the reserve is at least one connection as soon
// as there are two.
func TestA124LimitsOfAdmittedRequests(t *testing.T) {
	for _, test := range []struct{ connections, streams, all int }{
		{1, 1, 1}, {2, 1, 1}, {3, 2, 2}, {4, 3, 3}, {5, 3, 4}, {8, 6, 7}, {20, 15, 17}, {480, 360, 420}, {3000, 2250, 2625},
	} {
		streams, all := admitLimits(test.connections)
		if streams != test.streams || all != test.all {
			t.Errorf("of %d connections: %d and %d", test.connections, streams, all)
		}
	}
}
