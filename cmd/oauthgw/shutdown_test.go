package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
	"oauthgw/internal/server"
)

// drainingProgram is a gateway, in front of a provider of WebSockets and streams, that a
// test shuts down.
type drainingProgram struct {
	*program
	listener         net.Listener // of clients
	log              syncBuffer
	arrived, release chan struct{} // a request for /slow; its response
	end              context.CancelCauseFunc
	stopped          chan struct{}
	err              error // of run, once stopped
	telemetry        *telemetry
}

func startDraining(t *testing.T, delay, timeout time.Duration) *drainingProgram {
	t.Helper()
	d := &drainingProgram{arrived: make(chan struct{}), release: make(chan struct{}), stopped: make(chan struct{})}
	upstream := startRawProvider(t, func(p rawPeer, r *http.Request) {
		switch r.URL.Path {
		case "/events":
			p.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
		case "/ws":
			p.write(switched)
		case "/slow":
			close(d.arrived)
			<-d.release
			fallthrough
		default:
			p.write(strings.Replace(wellFormedResponse, "\r\n", "\r\nConnection: close\r\n", 1))
			return
		}
		_, _ = io.Copy(p, p.r) // an echo
	})
	s := testSettings(t, upstream, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
		c.Drain.Delay, c.Drain.Timeout = delay, timeout
	})
	var err error
	d.telemetry = testTelemetry(&d.log, s)
	if d.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	d.program, err = newProgram(s, func() (config.Settings, error) { return s, nil }, d.telemetry, server.Sockets{"listen": d.listener}, false)
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, d.end = context.WithCancelCause(t.Context())
	t.Cleanup(func() { d.end(nil) })
	go func() {
		defer close(d.stopped)
		d.err = d.run(ctx)
	}()
	return d
}

// terminate begins the shutdown and returns once a listener accepts no connection.
func (d *drainingProgram) terminate(t *testing.T, address string) {
	t.Helper()
	d.end(server.ErrTerminated)
	eventually(t, "refusing connections", func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

func (d *drainingProgram) hasCut(carried, n string) bool {
	w := httptest.NewRecorder()
	d.telemetry.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return strings.Contains(w.Body.String(), `oauthgw_connections_cut_total{carried="`+carried+`"} `+n+"\n")
}

// A shutdown waits for WebSockets as it does for streams.
func TestA120ShutdownWaitsForWebSockets(t *testing.T) {
	d := startDraining(t, 0, time.Hour)
	c := dialRaw(t, d.server.Addr())
	c.openWebSocket(t)
	if err := d.reloader.Reload(); err != nil {
		t.Fatal(err)
	}
	d.terminate(t, d.server.Addr())
	for range 3 {
		if c.write("ping"); !c.reads("ping") {
			t.Fatal("the WebSocket was closed")
		}
	}
	select {
	case <-d.stopped:
		t.Error("the shutdown did not wait")
	case <-time.After(50 * time.Millisecond): // nothing happens
	}
	c.Close()
	if <-d.stopped; d.err != nil {
		t.Error(d.err)
	}
	if log := d.log.String(); strings.Contains(log, "timed out") || !d.hasCut("websocket", "0") {
		t.Errorf("the log says %s", log)
	}
}

// When drain.timeout is over, what is left is closed, logged and counted.
func TestA120ShutdownTimesOut(t *testing.T) {
	d := startDraining(t, 0, 200*time.Millisecond)
	var left []rawPeer
	for range 3 {
		c := dialRaw(t, d.server.Addr())
		c.openWebSocket(t)
		left = append(left, c)
	}
	for range 2 {
		c := dialRaw(t, d.server.Addr())
		if resp := c.send(t, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"); resp.StatusCode != http.StatusOK {
			t.Fatalf("got %v", resp)
		}
		left = append(left, c)
	}
	d.terminate(t, d.server.Addr())
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
	if !d.hasCut("request", "2") || !d.hasCut("websocket", "3") {
		t.Error("the metrics do not say so")
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// TestConnectedClientsAreServedDuringShutdown checks that a connection from before the shutdown
// is served, also if its request comes later, and that new connections are refused.
func TestConnectedClientsAreServedDuringShutdown(t *testing.T) {
	d := startDraining(t, 0, time.Hour)
	c := dialRaw(t, d.server.Addr())
	eventually(t, "the connection", func() bool {
		return strings.Contains(fetch(t, "http://"+d.server.AdminAddr()+"/metrics", ""), "oauthgw_connections_open 1\n")
	})
	d.terminate(t, d.server.Addr())
	resp := c.send(t, "POST /t HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b")
	if resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("got %v", resp)
	}
	if <-d.stopped; d.err != nil {
		t.Error(d.err)
	}
}

// During drain.delay requests are served, each as the last on its connection, readiness
// fails, and a reload is refused.
func TestDrain(t *testing.T) {
	d := startDraining(t, time.Hour, time.Hour)
	data, admin := "http://"+d.server.Addr(), "http://"+d.server.AdminAddr()
	slow := dialRaw(t, d.server.Addr())
	slow.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	<-d.arrived
	for _, draining := range []bool{false, true} {
		if draining {
			d.end(server.ErrTerminated)
			eventually(t, "draining", func() bool { return status(t, admin+"/-/ready") == 503 })
			if !strings.Contains(fetch(t, admin+"/metrics", ""), "oauthgw_ready 0\n") {
				t.Error("the metrics say ready")
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
	close(d.release)
	if resp, err := http.ReadResponse(slow.r, nil); err != nil || !resp.Close {
		t.Errorf("a request from before the drain: %v %v", resp, err)
	}
	p := testProgram{t: t, admin: d.server.AdminAddr()}
	eventually(t, "an end of reloads", func() bool {
		code, text := p.reload()
		return code == 503 && text == "not reloaded: oauthgw is shutting down\n"
	})
	_ = d.listener.Close() // ends the drain an hour early
	if <-d.stopped; d.err == nil {
		t.Error("the error of the listener is missing")
	}
}
