package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
	"oauthgw/internal/server"
)

// startDraining runs a gateway that a test shuts down, in front of a provider of WebSockets
// and streams. A request for /slow reports its arrival and waits for the release.
func startDraining(t *testing.T, delay, timeout time.Duration) (g testGateway, clients net.Listener, arrived, release chan struct{}) {
	t.Helper()
	arrived, release = make(chan struct{}), make(chan struct{})
	upstream := startRawProvider(t, func(p rawPeer, r *http.Request) {
		switch r.URL.Path {
		case "/events":
			p.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
		case "/ws":
			p.write(switched)
		case "/slow":
			close(arrived)
			<-release
			fallthrough
		default:
			p.write(wellFormedResponse)
			return
		}
		_, _ = io.Copy(p, p.r) // an echo
	})
	s := testSettings(t, upstream, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
		c.Drain.Delay, c.Drain.Timeout = delay, timeout
	})
	clients, _ = listenRaw(t, "tcp")
	var log syncBuffer
	return startWith(t, s, testTelemetry(&log, s), &log, server.Sockets{"listen": clients}), clients, arrived, release
}

// terminate begins the shutdown and returns once new connections are refused.
func (g testGateway) terminate(t *testing.T) {
	t.Helper()
	g.end(server.ErrTerminated)
	eventually(t, "refusing connections", func() bool {
		c, err := net.Dial("tcp", g.data)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

// expectCut waits for the end of the shutdown and checks how many exchanges it cut off.
func (g testGateway) expectCut(t *testing.T, requests, websockets int) {
	t.Helper()
	if err := <-g.done; err != nil {
		t.Error(err)
	}
	w := httptest.NewRecorder()
	g.telemetry.metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for carried, n := range map[string]int{"request": requests, "websocket": websockets} {
		if want := fmt.Sprintf("oauthgw_connections_cut_total{carried=%q} %d\n", carried, n); !strings.Contains(w.Body.String(), want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	line := fmt.Sprintf(`"msg":"shutdown timed out, connections closed","requests":%d,"websockets":%d}`, requests, websockets)
	log := g.stop()
	if strings.Contains(log, line) != (requests+websockets > 0) || strings.Count(log, "timed out") > 1 {
		t.Errorf("the log is %s", log)
	}
	if n := strings.Count(log, `"end":"shutdown"`); n != requests+websockets {
		t.Errorf("%d requests were cut off according to %s", n, log)
	}
}

// TestA120ShutdownWaitsForWebSockets checks that a shutdown waits for WebSockets as it does
// for streams, and that a connection from before the shutdown is served, also if its request
// comes later.
func TestA120ShutdownWaitsForWebSockets(t *testing.T) {
	g, _, _, _ := startDraining(t, 0, time.Hour)
	c := dialRaw(t, g.data)
	c.openWebSocket(t)
	late := dialRaw(t, g.data)
	eventually(t, "both connections", func() bool { return strings.Contains(g.scrape(t), "oauthgw_connections_open 2\n") })
	if err := g.reloader.Reload(); err != nil {
		t.Fatal(err)
	}
	g.terminate(t)
	if resp := late.send(t, strings.ReplaceAll(fmt.Sprintf(basicRequest, "/t"), "\n", "\r\n")); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("got %v", resp)
	}
	for range 3 {
		if c.write("ping"); !c.reads("ping") {
			t.Fatal("the WebSocket was closed")
		}
	}
	select {
	case <-g.done:
		t.Error("the shutdown did not wait")
	case <-time.After(50 * time.Millisecond): // nothing happens
	}
	c.Close()
	g.expectCut(t, 0, 0)
}

// TestA120ShutdownTimesOut checks that after drain.timeout what is left is closed, logged
// and counted.
func TestA120ShutdownTimesOut(t *testing.T) {
	g, _, _, _ := startDraining(t, 0, 200*time.Millisecond)
	var left []rawPeer
	for range 3 {
		c := dialRaw(t, g.data)
		c.openWebSocket(t)
		left = append(left, c)
	}
	for range 2 {
		c := dialRaw(t, g.data)
		if resp := c.send(t, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"); resp.StatusCode != http.StatusOK {
			t.Fatalf("got %v", resp)
		}
		left = append(left, c)
	}
	for _, path := range []string{"/t", "/page"} {
		c := dialRaw(t, g.data)
		resp := c.send(t, "POST "+path+" HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
		if resp.StatusCode != http.StatusContinue {
			t.Fatalf("got %v", resp)
		}
		left = append(left, c)
	}
	g.terminate(t)
	g.expectCut(t, 4, 3)
	for _, c := range left {
		if _, err := io.Copy(io.Discard, c.r); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a connection stays")
		}
	}
}

// TestDrain checks that during drain.delay requests are served, each as the last on its
// connection, that readiness fails, and that a reload is refused.
func TestDrain(t *testing.T) {
	g, clients, arrived, release := startDraining(t, time.Hour, time.Hour)
	slow := dialRaw(t, g.data)
	slow.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	<-arrived
	for _, draining := range []bool{false, true} {
		if draining {
			g.end(server.ErrTerminated)
			eventually(t, "draining", func() bool { return status(t, "http://"+g.admin+"/-/ready") == 503 })
			if !strings.Contains(g.scrape(t), "oauthgw_ready 0\n") {
				t.Error("the metrics say ready")
			}
		}
		for _, path := range []string{"/", "/t"} {
			resp, err := http.Get("http://" + g.data + path)
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
	if resp := slow.response(t); !resp.Close {
		t.Errorf("a request from before the drain: %v", resp)
	}
	p := testProgram{t: t, admin: g.admin}
	eventually(t, "an end of reloads", func() bool {
		code, text := p.reload()
		return code == 503 && text == "not reloaded: oauthgw is shutting down\n"
	})
	_ = clients.Close() // ends the drain an hour early
	if <-g.done == nil {
		t.Error("the error of the listener is missing")
	}
}
