package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"oauthgw/metrics"
	"strings"
	"testing"
	"time"
)

// draining is a gateway, in front of a provider of WebSockets and streams, that a
// test shuts down.
type draining struct {
	*servers
	log     syncBuffer
	end     context.CancelCauseFunc
	stopped chan struct{}
	err     error // of run, once stopped
}

func startDraining(t *testing.T, timeout time.Duration) *draining {
	t.Helper()
	upstream := startRawProvider(t, func(p peer, r *http.Request) {
		if r.URL.Path == "/events" {
			p.say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
		} else {
			p.say(switched)
		}
		_, _ = io.Copy(p, p.r) // an echo, and the end that it has
	})
	s := learning(t, upstream, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
		c.Drain.Delay, c.Drain.Timeout = 0, timeout
	})
	d := &draining{stopped: make(chan struct{})}
	var err error
	d.servers, err = listen(nil, s, observers{newLog: func(s config.Settings) *slog.Logger { return newLog(s, &d.log) }, metrics: metrics.New(build())})
	if err != nil {
		t.Fatal(err)
	}
	d.live.load = func() (config.Settings, error) { return s, nil }
	var ctx context.Context
	ctx, d.end = context.WithCancelCause(t.Context())
	t.Cleanup(func() { d.end(nil) })
	go func() {
		defer close(d.stopped)
		d.err = d.run(ctx)
	}()
	return d
}

// terminate begins the shutdown and returns once no connection is accepted.
func (d *draining) terminate(t *testing.T) {
	t.Helper()
	d.end(errTerminated)
	eventually(t, "refusing connections", func() bool {
		c, err := net.Dial("tcp", d.data.Addr().String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

func (d *draining) counts(carried, n string) bool {
	w := httptest.NewRecorder()
	d.live.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return strings.Contains(w.Body.String(), `oauthgw_connections_cut_total{carried="`+carried+`"} `+n+"\n")
}

// A shutdown waits for WebSockets as it does for streams.
func TestA120ShutdownWaitsForWebSockets(t *testing.T) {
	d := startDraining(t, time.Hour)
	c := dialPeer(t, d.data.Addr().String())
	c.open(t)
	if err := d.live.reload(); err != nil {
		t.Fatal(err)
	}
	d.terminate(t)
	for range 3 {
		if c.say("ping"); !c.hears("ping") {
			t.Fatal("the WebSocket was closed")
		}
	}
	select {
	case <-d.stopped:
		t.Error("the shutdown did not wait")
	case <-time.After(300 * time.Millisecond): // nothing happens
	}
	c.Close()
	if <-d.stopped; d.err != nil {
		t.Error(d.err)
	}
	if log := d.log.String(); strings.Contains(log, "timed out") || !d.counts("websocket", "0") {
		t.Errorf("the log says %s", log)
	}
}

// When drain.timeout is over, what is left is closed, logged and counted.
func TestA120ShutdownTimesOut(t *testing.T) {
	d := startDraining(t, time.Second)
	var left []peer
	for range 3 {
		c := dialPeer(t, d.data.Addr().String())
		c.open(t)
		left = append(left, c)
	}
	for range 2 {
		c := dialPeer(t, d.data.Addr().String())
		if resp := c.ask(t, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"); resp.StatusCode != http.StatusOK {
			t.Fatalf("got %v", resp)
		}
		left = append(left, c)
	}
	d.terminate(t)
	if <-d.stopped; d.err != nil {
		t.Error(d.err)
	}
	for _, c := range left {
		if _, err := io.Copy(io.Discard, c.r); isTimeout(err) {
			t.Error("a connection stays")
		}
	}
	if log := d.log.String(); strings.Count(log, `"msg":"shutdown timed out, connections closed","requests":2,"websockets":3}`) != 1 {
		t.Errorf("the log says %s", log)
	}
	if !d.counts("request", "2") || !d.counts("websocket", "3") {
		t.Error("the metrics do not say so")
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// Who is connected when the end comes is answered, also if the request comes
// later, and nobody else is let in: be it a client or an operator.
func TestConnectedClientsAreAnsweredAtTheEnd(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer provider.Close()
	s := learning(t, provider.URL, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
	})
	for name, test := range map[string]struct {
		at   func(*servers) (net.Listener, *bounded)
		asks string
	}{
		"client":   {func(s *servers) (net.Listener, *bounded) { return s.data, s.clients }, "POST /t HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"},
		"operator": {func(s *servers) (net.Listener, *bounded) { return s.admin, s.operators }, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			servers, err := listen(nil, s, nobody())
			if err != nil {
				t.Fatal(err)
			}
			ctx, end := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- servers.run(ctx) }()
			listener, bound := test.at(servers)
			address := listener.Addr().String()
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			eventually(t, "taking the connection", func() bool { return !bound.quiet() })
			end()
			eventually(t, "refusing others", func() bool {
				other, err := net.Dial("tcp", address)
				if err == nil {
					other.Close()
				}
				return err != nil
			})
			_, _ = io.WriteString(c, test.asks)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || resp.StatusCode != 200 || !resp.Close {
				t.Errorf("got %v %v", resp, err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// After a SIGTERM requests are answered for a while, each as the last on its
// connection, readiness says no, and nothing is reloaded.
func TestDrain(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-release
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer provider.Close()
	s := learning(t, provider.URL, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm, c.Drain.Delay = map[string]string{"token": "/t"}, "a", time.Hour
	})
	servers, err := listen(nil, s, nobody())
	if err != nil {
		t.Fatal(err)
	}
	servers.live.load = func() (config.Settings, error) { return s, nil }
	ctx, end := context.WithCancelCause(t.Context())
	defer end(nil)
	done := make(chan error, 1)
	go func() { done <- servers.run(ctx) }()
	data, admin := "http://"+servers.data.Addr().String(), "http://"+servers.admin.Addr().String()
	slow := make(chan bool)
	go func() {
		resp, err := http.Get(data + "/slow")
		if err == nil {
			resp.Body.Close()
		}
		slow <- err == nil && resp.Close
	}()
	<-arrived
	for _, draining := range []bool{false, true} {
		if draining {
			end(errTerminated)
			eventually(t, "draining", func() bool { return status(t, admin+"/-/ready") == 503 })
			if text := (storyGateway{admin: servers.admin.Addr().String()}).scrape(t); !strings.Contains(text, "oauthgw_ready 0\n") {
				t.Errorf("the metrics say otherwise:\n%s", text)
			}
		}
		for _, path := range []string{"/", "/t"} {
			resp, err := http.Get(data + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.Close != draining {
				t.Errorf("draining %v, %s: the connection ends: %v", draining, path, resp.Close)
			}
		}
	}
	close(release)
	if !<-slow {
		t.Error("the answer to a request of the time before does not end its connection")
	}
	p := reloading{t: t, admin: servers.admin.Addr().String()}
	eventually(t, "an end of reloads", func() bool {
		code, text := p.reload()
		return code == 503 && text == "not reloaded: oauthgw is about to end\n"
	})
	_ = servers.data.Close() // ends an hour early
	if err := <-done; err == nil {
		t.Error("the listener that failed was not told of")
	}
}
