package server

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/connlimit"
	"oauthgw/internal/responserecorder"
	"oauthgw/metrics"
	"oauthgw/proxy"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipeListener is a listener within the process, so that synctest controls the time.
type pipeListener chan net.Conn

func (l pipeListener) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l pipeListener) Close() error   { close(l); return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// testServer is a public server with few connections.
type testServer struct {
	pipeListener
	limit *connlimit.Listener

	mu      sync.Mutex
	evicted []string // states
}

func newTestServer(t *testing.T, connections int, h http.Handler) *testServer {
	s := &testServer{pipeListener: make(pipeListener, 10)}
	s.limit = connlimit.New(s, connlimit.Config{Max: connections, OnEvict: func(state string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.evicted = append(s.evicted, state)
	}})
	server := (&Server{config: testConfig()}).newServer(h)
	go func() { _ = server.Serve(s.limit) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

// testConfig returns a configuration with the default limits.
func testConfig() Config {
	return Config{MaxHeaderBytes: 16 << 10, HeaderTimeout: 5 * time.Second, IdleTimeout: 75 * time.Second, StallTimeout: stall,
		Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(metrics.Build{})}
}

// connect connects a client that sends a text.
func (s *testServer) connect(t *testing.T, text string) net.Conn {
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close() })
	s.pipeListener <- server
	go func() { _, _ = io.WriteString(client, text) }()
	return client
}

// expectStatus reads a response with a status and its body.
func expectStatus(t *testing.T, from *bufio.Reader, want int) (resp *http.Response, body []byte) {
	t.Helper()
	resp, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err = io.ReadAll(resp.Body)
	if resp.StatusCode != want || err != nil {
		t.Errorf("got %d, want %d, %v", resp.StatusCode, want, err)
	}
	return resp, body
}

// transport is the provider.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// response returns the provider's response.
func response(r *http.Request, status int) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}
}

// stall is the timeout of a pause in a request body.
const stall = 10 * time.Second

func newEndpoint(t *testing.T, name clientauth.Endpoint, provider transport) http.Handler {
	t.Helper()
	h, err := proxy.New(proxy.Config{Endpoint: name, Target: &url.URL{Scheme: "http", Host: "provider.example"}, Rules: clientauth.New(clientauth.Config{}),
		Stall: stall, Transport: provider, Metrics: metrics.New(metrics.Build{})})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func newPassthrough(provider transport) http.Handler {
	return proxy.NewPassthrough(proxy.PassthroughConfig{Upstream: &url.URL{Scheme: "http", Host: "provider.example"}, Transport: provider, Stall: stall,
		Metrics: metrics.New(metrics.Build{})})
}

const formHead = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: "

// TestSilentClients checks when a silent client is disconnected.
func TestSilentClients(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"":                                      5 * time.Second,
		"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ": 5 * time.Second,
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n":     75 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestServer(t, 1, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			start := time.Now()
			_, _ = io.Copy(io.Discard, s.connect(t, text))
			if d := time.Since(start); d != want {
				t.Errorf("%q: disconnected after %s, want %s", text, d, want)
			}
		})
	}
}

// TestSlowReaders checks that a client that does not read its response is disconnected
// after a while, and that one that receives a stream for a day is not.
func TestSlowReaders(t *testing.T) {
	for _, name := range []string{"error", "endpoint", "page", "stream"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pause := time.Second
				if name == "stream" {
					pause = 6 * time.Hour
				}
				provider := func(r *http.Request) (*http.Response, error) {
					in, out := io.Pipe()
					go func() {
						for range 4 {
							time.Sleep(pause)
							_, _ = out.Write(make([]byte, 1<<17))
						}
						out.Close()
					}()
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: in, Request: r, ContentLength: -1}, nil
				}
				h := newPassthrough(provider)
				switch name {
				case "error":
					h = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
				case "endpoint":
					h = newEndpoint(t, "token", provider)
				}
				var ended string
				s := newTestServer(t, 10, recordEnd(h, &ended))
				client := bufio.NewReader(s.connect(t, formHead+"0\r\n\r\n"))
				if name == "stream" {
					if _, body := expectStatus(t, client, 200); len(body) != 1<<19 {
						t.Errorf("%d bytes", len(body))
					}
					if synctest.Wait(); ended != "complete" {
						t.Errorf("the response ended as %q", ended)
					}
					return
				}
				if _, err := client.ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if open, _ := s.limit.Connections(); open > 0 || ended != "timeout" {
					t.Errorf("%d connections are open, and the response ended as %q", open, ended)
				}
			})
		})
	}
}

// recordEnd stores how the last response of a handler ended.
func recordEnd(h http.Handler, end *string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder, w := responserecorder.Wrap(w)
		returned := false
		defer func() { _, *end = recorder.Result(returned) }()
		h.ServeHTTP(w, r)
		returned = true
	})
}

// TestEvictionEndsTheResponse checks that a client that does not read its response loses its
// connection to a new one, and that this is how the response ended.
func TestEvictionEndsTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended string
		s := newTestServer(t, 1, recordEnd(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }), &ended))
		s.connect(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		time.Sleep(2 * time.Second)
		s.connect(t, "")
		if synctest.Wait(); ended != "eviction" || !slices.Equal(s.evicted, []string{"writing"}) {
			t.Errorf("the response ended as %q, evicted %q", ended, s.evicted)
		}
	})
}

// TestResponsesHaveTheirTime checks that the time that a handler takes is not taken from the
// client that reads the response.
func TestResponsesHaveTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, 1, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(proxy.WriteTimeout(stall) + time.Second)
			proxy.WriteError(w, proxy.ErrEndpointsUnknown)
		}))
		expectStatus(t, bufio.NewReader(s.connect(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")), 503)
	})
}

// TestA126BodiesHaveTheirTime checks that the time of a slow request body is not taken from
// the provider, and that a pipelined request has as long for its body as any other.
func TestA126BodiesHaveTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, 1, newEndpoint(t, "revocation", func(r *http.Request) (*http.Response, error) {
			if deadline, limited := r.Context().Deadline(); limited {
				t.Errorf("the provider has %s, without the transport's timeout", time.Until(deadline))
			}
			return response(r, 200), nil
		}))
		client := s.connect(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"+formHead+"3\r\n\r\na")
		time.AfterFunc(time.Second, func() { _, _ = io.WriteString(client, "=") })
		time.AfterFunc(7*time.Second, func() { _, _ = io.WriteString(client, "b") })
		responses := bufio.NewReader(client)
		expectStatus(t, responses, 405)
		expectStatus(t, responses, 200)
	})
}

// TestA125UploadIsNotEvicted checks that an upload, which is at the provider from its
// beginning, keeps its connection when it pauses while a new connection waits.
func TestA125UploadIsNotEvicted(t *testing.T) {
	const size, half = 200_000, 100_000
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, 2, newPassthrough(func(r *http.Request) (*http.Response, error) {
			if n, err := io.Copy(io.Discard, r.Body); n != size || err != nil {
				t.Errorf("%d bytes were received, %v", n, err)
			}
			return response(r, 200), nil
		}))
		upload := s.connect(t, fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("x", half)))
		time.Sleep(3 * time.Second)
		for range 3 {
			s.connect(t, "GET / HTTP/1.1\r\nX-Slow: ")
			time.Sleep(2 * time.Second)
		}
		go func() { _, _ = io.WriteString(upload, strings.Repeat("x", size-half)) }()
		expectStatus(t, bufio.NewReader(upload), 200)
		s.mu.Lock()
		defer s.mu.Unlock()
		if slices.ContainsFunc(s.evicted, func(state string) bool { return state != "reading" }) {
			t.Errorf("evicted: %v", s.evicted)
		}
	})
}

// TestBodiesThatStop checks that a body may take as long as bytes arrive, and that one that
// nothing reads is dropped after a while.
func TestBodiesThatStop(t *testing.T) {
	for path, test := range map[string]struct {
		pieces, status int // of ten
		within         time.Duration
	}{
		"/upload":  {10, 200, 90 * time.Second},
		"/stops":   {4, 408, 45*time.Second + time.Millisecond},
		"/refused": {1, 404, 15*time.Second + time.Millisecond},
		"/late":    {10, 200, 5 * time.Minute},
	} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				passthrough := newPassthrough(func(r *http.Request) (*http.Response, error) {
					n, err := io.Copy(io.Discard, r.Body)
					if path == "/late" {
						time.Sleep(3 * time.Minute)
					}
					if err == nil && n != 5000 {
						t.Errorf("%d bytes arrived", n)
					}
					return response(r, 200), err
				})
				s := newTestServer(t, 1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if path == "/refused" {
						proxy.WriteError(w, proxy.ErrNotFound)
						return
					}
					passthrough.ServeHTTP(w, r)
				}))
				start := time.Now()
				client := s.connect(t, "POST "+path+" HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n")
				for i := range test.pieces {
					time.AfterFunc(time.Duration(i)*9*time.Second+1, func() { _, _ = io.WriteString(client, strings.Repeat("x", 500)) })
				}
				expectStatus(t, bufio.NewReader(client), test.status)
				if d := time.Since(start); d > test.within {
					t.Errorf("the response took %s", d)
				}
			})
		})
	}
}

// TestA201LineFeedsInChunks checks that a body in chunks arrives complete, whatever its
// lines, and that no request follows it, also if the handler neither reads it nor writes.
func TestA201LineFeedsInChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, 10, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/echo" {
				_, _ = io.Copy(w, r.Body)
			}
		}))
		feeds := strings.Repeat("x\n", 1000)
		const chunks = " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		for text, want := range map[string]string{
			"POST /echo" + chunks + "7d0\r\n" + feeds + "\r\n0\r\n\r\n":      feeds,
			"POST /" + chunks + "0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n": "",
		} {
			if resp, body := expectStatus(t, bufio.NewReader(s.connect(t, text)), 200); string(body) != want || !resp.Close {
				t.Errorf("%d bytes came back, the connection closes: %v", len(body), resp.Close)
			}
		}
	})
}
