package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"oauthgw/clientauth"
	"oauthgw/internal/connlimit"
	"oauthgw/metrics"
	"oauthgw/proxy"
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

// pipes is a listener for connections within the process, for tests with their own time.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// testServer is a public server with few connections.
type testServer struct {
	*Server
	http    *http.Server
	clients pipes
	limit   *connlimit.Listener

	mu      sync.Mutex
	evicted []string // states
}

// serve starts a server for n connections.
func serve(t *testing.T, n int, h http.Handler) *testServer {
	s := &testServer{Server: &Server{config: Config{Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(metrics.Build{})}}, clients: make(pipes, 10)}
	s.http = s.newServer(h)
	s.limit = connlimit.New(s.clients, connlimit.Config{Max: n, OnEvict: func(state string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.evicted = append(s.evicted, state)
	}})
	go func() { _ = s.http.Serve(s.limit) }()
	t.Cleanup(func() { _ = s.http.Close() })
	return s
}

// connect connects a client that sends a text.
func (s *testServer) connect(t *testing.T, sends string) net.Conn {
	client, other := net.Pipe()
	t.Cleanup(func() { client.Close() })
	s.clients <- other
	go func() { _, _ = io.WriteString(client, sends) }()
	return client
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// endpoint returns the handler of an endpoint over a transport.
func endpoint(t *testing.T, name clientauth.Endpoint, timeout time.Duration, over roundTrip) http.Handler {
	t.Helper()
	h, err := proxy.New(proxy.Config{Endpoint: name, Target: &url.URL{Scheme: "http", Host: "provider.example"}, Rules: clientauth.New(clientauth.Config{}),
		Timeout: timeout, Transport: over, Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// passthrough returns a handler that passes requests to a transport.
func passthrough(over roundTrip) http.Handler {
	return proxy.NewPassthrough(proxy.PassthroughConfig{Upstream: &url.URL{Scheme: "http", Host: "provider.example"}, Transport: over,
		Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.DiscardHandler), Admit: connlimit.Admit, Release: connlimit.Release})
}

const formHead = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "

// TestSilentClientsAreDisconnected checks that a silent client is disconnected, within a header
// sooner than between requests.
func TestSilentClientsAreDisconnected(t *testing.T) {
	for name, test := range map[string]struct {
		sent  string
		lasts time.Duration
	}{
		"within a header":  {"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", 5 * time.Second},
		"before a request": {"", 5 * time.Second},
		"behind an answer": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 75 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, 1, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				start := time.Now()
				client := s.connect(t, test.sent)
				_, _ = io.Copy(io.Discard, client)
				if d := time.Since(start); d != test.lasts {
					t.Errorf("it lasted %s", d)
				}
			})
		})
	}
}

// TestSlowReaders checks that a client that does not read its response is disconnected
// after a while, and that one that receives a stream for a day is not.
func TestSlowReaders(t *testing.T) {
	for name, test := range map[string]struct {
		handler func(*testing.T, roundTrip) http.Handler
		reads   bool
	}{
		"an endpoint": {func(t *testing.T, over roundTrip) http.Handler { return endpoint(t, "token", time.Minute, over) }, false},
		"an error": {func(*testing.T, roundTrip) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
		}, false},
		"a page":   {func(_ *testing.T, over roundTrip) http.Handler { return passthrough(over) }, false},
		"a stream": {func(_ *testing.T, over roundTrip) http.Handler { return passthrough(over) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t, 10, test.handler(t, func(r *http.Request) (*http.Response, error) {
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
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: in, Request: r, ContentLength: -1}, nil
				}))
				resp, err := http.ReadResponse(bufio.NewReader(s.connect(t, formHead+"0\r\n\r\n")), nil)
				if err != nil {
					t.Fatal(err)
				}
				if !test.reads {
					time.Sleep(2 * time.Minute)
					if open, _ := s.limit.Connections(); open > 0 {
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
		s := serve(t, 1, endpoint(t, "token", 2*time.Second, func(r *http.Request) (*http.Response, error) {
			deadline, _ := r.Context().Deadline()
			left = time.Until(deadline)
			return &http.Response{StatusCode: 401, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}))
		client := s.connect(t, formHead+"3\r\n\r\na=")
		time.AfterFunc(5*time.Second, func() { _, _ = io.WriteString(client, "b") })
		if resp, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil || left != 2*time.Second {
			t.Errorf("%+v %v; the provider had %s", resp, err, left)
		}
	})
}

// TestA126PipelinedBodyHasItsTime checks that a pipelined request has as long for its body as
// any other.
func TestA126PipelinedBodyHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, 1, endpoint(t, "revocation", 2*time.Second, func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}))
		client := s.connect(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"+formHead+"3\r\n\r\na")
		time.AfterFunc(time.Second, func() { _, _ = io.WriteString(client, "=") })
		time.AfterFunc(7*time.Second, func() { _, _ = io.WriteString(client, "b") })
		responses := bufio.NewReader(client)
		for _, want := range []int{405, 200} {
			resp, err := http.ReadResponse(responses, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			if resp.StatusCode != want {
				t.Errorf("got %d instead of %d", resp.StatusCode, want)
			}
		}
	})
}

// TestA125UploadIsNotEvicted checks that an upload, which is at the provider from its
// beginning, keeps its connection when it pauses while a new connection waits.
func TestA125UploadIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var received atomic.Int64
		s := serve(t, 2, passthrough(func(r *http.Request) (*http.Response, error) {
			n, err := io.Copy(io.Discard, r.Body)
			if err != nil {
				t.Errorf("the body ended with %v", err)
			}
			received.Store(n)
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
		}))
		const size, half = 200_000, 100_000
		upload := s.connect(t, fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", half)))
		time.Sleep(3 * time.Second)
		for range 3 {
			s.connect(t, "GET / HTTP/1.1\r\nX-Slow: ")
			time.Sleep(2 * time.Second)
		}
		go func() { _, _ = io.WriteString(upload, strings.Repeat("x", size-half)) }()
		resp, err := http.ReadResponse(bufio.NewReader(upload), nil)
		if err != nil || resp.StatusCode != 200 || received.Load() != size {
			t.Errorf("%v %v, %d bytes received", resp, err, received.Load())
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if slices.ContainsFunc(s.evicted, func(state string) bool { return state != "reading" }) {
			t.Errorf("evicted: %v", s.evicted)
		}
	})
}

// TestBodiesThatStopTimeOut checks that a body may take as long as bytes arrive, and that one
// that nothing reads is dropped after a while.
func TestBodiesThatStopTimeOut(t *testing.T) {
	piece := strings.Repeat("x", 500)
	for name, test := range map[string]struct {
		path   string
		pieces int // that are sent, of ten
		status int
		within time.Duration
	}{
		"a long upload":           {"/upload", 10, 200, 90 * time.Second},
		"an upload that stops":    {"/upload", 4, 408, 45*time.Second + time.Millisecond},
		"a body that is not read": {"/refused", 1, 404, 15*time.Second + time.Millisecond},
		"a response that is late": {"/late", 10, 200, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				passthrough := passthrough(func(r *http.Request) (*http.Response, error) {
					body, err := io.ReadAll(r.Body)
					if r.URL.Path == "/late" {
						time.Sleep(3 * time.Minute)
					}
					if err == nil && string(body) != strings.Repeat(piece, 10) {
						t.Errorf("%d bytes arrived", len(body))
					}
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, err
				})
				s := serve(t, 1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/refused" {
						proxy.WriteError(w, r, proxy.ErrNotFound)
						return
					}
					passthrough.ServeHTTP(w, r)
				}))
				client := s.connect(t, "")
				start := time.Now()
				go func() {
					fmt.Fprintf(client, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", test.path, 10*len(piece))
					for i := range test.pieces {
						_, _ = io.WriteString(client, piece)
						if i < 9 {
							time.Sleep(9 * time.Second)
						}
					}
				}()
				resp, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); resp.StatusCode != test.status || took > test.within {
					t.Errorf("answered %d within %s", resp.StatusCode, took)
				}
			})
		})
	}
}

// TestA201LineFeedsInChunks checks that a body in chunks arrives complete, whatever its
// lines, and that no request follows it, also if the handler neither reads it nor writes.
func TestA201LineFeedsInChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, 10, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/echo" {
				_, _ = io.Copy(w, r.Body)
			}
		}))
		feeds := strings.Repeat("x\n", 1000)
		const chunks = " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		resp, err := http.ReadResponse(bufio.NewReader(s.connect(t, "POST /echo"+chunks+"7d0\r\n"+feeds+"\r\n0\r\n\r\n")), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != feeds || !resp.Close {
			t.Errorf("%d bytes came back, %v", len(body), err)
		}
		resp, err = http.ReadResponse(bufio.NewReader(s.connect(t, "POST /"+chunks+"0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")), nil)
		if err != nil || !resp.Close {
			t.Errorf("the connection stays open: %v %v", resp, err)
		}
	})
}
