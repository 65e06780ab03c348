package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthgw/internal/config"
)

// streamProvider answers token requests and pages at once, and keeps every other
// exchange open until its client leaves.
type streamProvider struct {
	*httptest.Server
	streams atomic.Int64 // requests that are not for /t and /page
}

func newStreamProvider(t *testing.T) *streamProvider {
	p := &streamProvider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/t" || r.URL.Path == "/page" {
			_, _ = io.WriteString(w, "{}")
			return
		}
		p.streams.Add(1)
		switch r.URL.Path {
		case "/socket":
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(io.Discard, c)
			return
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			fallthrough
		case "/download":
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(p.Close)
	return p
}

// holdConn sends a request on a connection that stays open until the test ends.
func holdConn(t *testing.T, address, request string) rawPeer {
	t.Helper()
	c := dialRaw(t, address)
	c.write(strings.ReplaceAll(request, "\n", "\r\n"))
	return c
}

// expectServed fails the test unless a token request and a page on new connections are
// answered.
func expectServed(t *testing.T, address string, page bool) {
	t.Helper()
	requests := []string{fmt.Sprintf(basicRequest, "/t")}
	if page {
		requests = append(requests, "GET /page HTTP/1.1\nHost: a")
	}
	for _, request := range requests {
		if response := send(t, address, request); !strings.HasPrefix(response, "HTTP/1.1 200 ") {
			t.Errorf("%.20q: got %q", request, response)
		}
	}
}

// withMaxConnections limits the connections, and lets the gateway stop at once.
func withMaxConnections(n int) func(*config.Config) {
	return func(c *config.Config) { c.MaxConnections, c.Drain.Timeout = n, 10*time.Millisecond }
}

const tooManyStreams = "HTTP/1.1 503 "

// TestA123A124EndlessExchangesLeaveRoom checks that streams hold at most three quarters of the
// connections, and with requests that the provider does not answer and downloads without end
// at most seven eighths. The next is refused and its connection closed.
func TestA123A124EndlessExchangesLeaveRoom(t *testing.T) {
	const handshake, eventStream = " HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\n", "HTTP/1.1 200 "
	for name, test := range map[string]struct {
		request string
		begins  string // the response
		held    int
		arrived int64 // requests at the provider
	}{
		"websockets":               {"GET /socket" + handshake, "HTTP/1.1 101 ", 15, 15},
		"event streams":            {"GET /events HTTP/1.1\nHost: a\nAccept: Text/Event-Stream\n\n", eventStream, 15, 15},
		"unexpected event streams": {"GET /events HTTP/1.1\nHost: a\n\n", eventStream, 15, 17},
		"sockets without response": {"GET /hang" + handshake, "", 15, 15},
		"no response":              {"GET /hang HTTP/1.1\nHost: a\n\n", "", 17, 17},
		"downloads":                {"GET /download HTTP/1.1\nHost: a\n\n", "", 17, 17},
		"posted event streams":     {"POST /events HTTP/1.1\nHost: a\nContent-Length: 0\n\n", "", 17, 17},
		"metadata":                 {"GET /.well-known/oauth-authorization-server/%d HTTP/1.1\nHost: a\n\n", "", 3, 3}, // of 4
	} {
		t.Run(name, func(t *testing.T) {
			p := newStreamProvider(t)
			g := frontedGateway(t, p.URL, withMaxConnections(map[bool]int{true: 20, false: 4}[test.held > 4]))
			request := func(i int) string { return strings.Replace(test.request, "%d", strconv.Itoa(i), 1) }
			for i := range test.held {
				c := holdConn(t, g.data, request(i))
				if !c.reads(test.begins) {
					t.Fatalf("stream %d does not begin with %q", i, test.begins)
				}
				eventually(t, "the request", func() bool { return p.streams.Load() == int64(i+1) })
			}
			for i := range 2 {
				response := send(t, g.data, strings.TrimSpace(request(100+i)))
				for _, want := range []string{tooManyStreams, "\nRetry-After: 1\n", "\nConnection: close\n", `{"error":"temporarily_unavailable"`} {
					if !strings.Contains(response, want) {
						t.Errorf("the next request: got %q", response)
					}
				}
			}
			if n := p.streams.Load(); n != test.arrived {
				t.Errorf("the provider received %d requests", n)
			}
			expectServed(t, g.data, test.held == 15)
			if log := g.stop(); !strings.Contains(log, "connection limit reached") {
				t.Errorf("the log says\n%s", log)
			}
		})
	}
}

// TestA172UploadsHoldAQuarter checks that incomplete bodies hold a quarter of the connections,
// and as many to the provider, and that an upload that ends makes room for another.
func TestA172UploadsHoldAQuarter(t *testing.T) {
	for name, test := range map[string]struct{ request, rest string }{
		"of a length": {"POST /hang HTTP/1.1\nHost: a\nContent-Length: 5000\n\nx", strings.Repeat("x", 4999)},
		"in chunks":   {"POST /hang HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nx\n", "0\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newStreamProvider(t)
			g := frontedGateway(t, p.URL, withMaxConnections(20))
			var uploads []rawPeer
			for i := range 5 {
				uploads = append(uploads, holdConn(t, g.data, test.request))
				eventually(t, "the request", func() bool { return p.streams.Load() == int64(i+1) })
			}
			for range 2 {
				resp := holdConn(t, g.data, test.request).response(t)
				if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "1" || !resp.Close {
					t.Errorf("the next: got %v", resp)
				}
			}
			expectServed(t, g.data, true)
			if response := send(t, g.data, "POST /page HTTP/1.1\nHost: a\nContent-Type: text/plain\n\nsmall"); !strings.HasPrefix(response, "HTTP/1.1 200 ") {
				t.Errorf("a small body: got %q", response)
			}
			for i, end := range []func(){
				func() { uploads[0].write(strings.ReplaceAll(test.rest, "\n", "\r\n")) },
				func() { uploads[1].Close() },
			} {
				end()
				eventually(t, "room for another", func() bool {
					holdConn(t, g.data, test.request)
					return p.streams.Load() == int64(6+i)
				})
			}
			if n := p.streams.Load(); n != 7 {
				t.Errorf("the provider received %d requests", n)
			}
			if log := g.stop(); !strings.Contains(log, `"msg":"connection limit reached","limit":"uploads","max_connections":20,"passthrough":5}`) {
				t.Errorf("the log says\n%s", log)
			}
		})
	}
}

// TestA172SmallBodyArrivesFirst checks that a request with a small body reaches the provider
// when it is whole.
func TestA172SmallBodyArrivesFirst(t *testing.T) {
	p := newStreamProvider(t)
	g := frontedGateway(t, p.URL, withMaxConnections(20))
	var slow []rawPeer
	for range 10 {
		slow = append(slow, holdConn(t, g.data, "POST /hang HTTP/1.1\nHost: a\nContent-Length: 4096\n\nx"))
	}
	expectServed(t, g.data, true)
	if n := p.streams.Load(); n != 0 {
		t.Errorf("the provider received %d requests", n)
	}
	slow[0].write(strings.Repeat("x", 4095))
	eventually(t, "the request", func() bool { return p.streams.Load() == 1 })
}

// TestTimeouts checks that each timeout of the configuration ends a connection long before its
// default does.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	const head = "POST /t HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\n"
	for name, test := range map[string]struct {
		shorten func(*config.Config)
		sends   string
		want    string // the response begins with it
	}{
		"header": {func(c *config.Config) { c.Timeouts.Header = 200 * time.Millisecond }, "GET / HTTP/1.1\r\n", ""},
		"idle":   {func(c *config.Config) { c.Timeouts.Idle = 200 * time.Millisecond }, head + "a=b", "HTTP/1.1 200 OK"},
		"stall":  {func(c *config.Config) { c.Timeouts.Stall = 200 * time.Millisecond }, head + "a", "HTTP/1.1 408 Request Timeout"},
	} {
		g := frontedGateway(t, startEchoProvider(t), test.shorten)
		c, err := net.Dial("tcp", g.data)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(config.Default().Timeouts.Header - time.Second))
		_, _ = io.WriteString(c, test.sends)
		got, err := io.ReadAll(c)
		// A connection that is closed with unread bytes is reset.
		if errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(string(got), test.want) || test.want == "" && len(got) > 0 {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		c.Close()
	}
}
