package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// holding is a provider that answers when it is told to, and counts its connections.
type holding struct {
	*httptest.Server
	connections atomic.Int64
	arrived     chan string // paths
	answer, end func()      // requests, streams
}

func startHolding(t *testing.T) *holding {
	answer, end := make(chan struct{}), make(chan struct{})
	p := &holding{arrived: make(chan string, 100), answer: sync.OnceFunc(func() { close(answer) }), end: sync.OnceFunc(func() { close(end) })}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		p.arrived <- r.URL.Path
		if r.URL.Path == "/stream" {
			_ = http.NewResponseController(w).Flush()
			<-end
			return
		}
		<-answer
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	p.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			p.connections.Add(1)
		case http.StateClosed:
			p.connections.Add(-1)
		}
	}
	p.Start()
	t.Cleanup(p.Close)
	t.Cleanup(p.answer)
	t.Cleanup(p.end)
	return p
}

// A replaced gateway keeps no connection that is idle, whatever it still carries:
// each exchange takes its connection with it.
func TestA180ConnectionsOfReplacedGateways(t *testing.T) {
	const reloads = 5
	p := startHolding(t)
	s := learning(t, p.URL, func(c *config) {
		c.Endpoints, c.ClientAuth.Realm, c.Upstream.Issuer = map[string]string{"token": "/t"}, "a", "https://a"
	})
	l, err := newLive(s, nobody())
	if err != nil {
		t.Fatal(err)
	}
	l.begin()
	t.Cleanup(l.end)
	l.load = func() (settings, error) { return s, nil }
	ended := make(chan string, 100)
	request := func(method, path string) {
		r := httptest.NewRequest(method, path, strings.NewReader("grant_type=x&client_id=a"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		go func() {
			l.ServeHTTP(httptest.NewRecorder(), r)
			ended <- path
		}()
		<-p.arrived
	}
	for range reloads {
		request("GET", "/stream")
		for range 3 {
			request("POST", "/t")
			request("POST", "/page")
		}
		if err := l.reload(); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.connections.Load(); n != 7*reloads {
		t.Errorf("%d connections while everything is under way", n)
	}
	p.answer()
	for range 6 * reloads {
		<-ended
	}
	eventually(t, "no connections but the streams'", func() bool { return p.connections.Load() == reloads })
	p.end()
	for range reloads {
		<-ended
	}
	eventually(t, "no connection", func() bool { return p.connections.Load() == 0 })
}
