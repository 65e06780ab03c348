package main

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"oauthgw/internal/config"
	"oauthgw/internal/origin"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"testing"
	"testing/synctest"
	"time"
)

// Connections beyond the bound wait until one ends, and the end of the listener
// ends the waiting.
func TestConnectionsAreBounded(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := atMost(1, plain, func(string) { t.Error("one left") })
	taken := make(chan net.Conn)
	go func() {
		defer close(taken)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			taken <- c
		}
	}()
	for range 2 {
		c, err := net.Dial("tcp", plain.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-taken
	first.(*connection).await(nothing)
	select {
	case <-taken:
		t.Fatal("the second was taken beside the first")
	case <-time.After(20 * time.Millisecond): // nothing happens
	}
	first.Close()
	first.Close()
	if second := <-taken; second == nil {
		t.Fatal("the second was not taken")
	}
	l.Close()
	if c, ok := <-taken; ok {
		t.Errorf("%v was taken behind the end", c)
	}
}

// pipes is a listener within the process, where time can be another.
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

// answering is a way to the provider with an answer of the test's own.
type answering func(*http.Request) *http.Response

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// Whoever does not read an answer is left after a while; who is sent a stream for
// a day is not.
func TestSlowReaders(t *testing.T) {
	provider := &url.URL{Scheme: "http", Host: "provider.example"}
	passes := func(way http.RoundTripper) http.Handler {
		return proxy.NewPassthrough(proxy.PassthroughConfig{Upstream: provider, Transport: way, Way: origin.Map{},
			Metrics: metrics.New(metrics.Build{}), Log: nobody().newLog(config.Settings{})})
	}
	for name, test := range map[string]struct {
		handler func(http.RoundTripper) http.Handler
		reads   bool
	}{
		"an endpoint": {func(way http.RoundTripper) http.Handler {
			s := learning(t, "https://provider.example")
			h, err := proxy.New(proxy.Config{Endpoint: "token", Target: provider, Rules: s.Rules, Timeout: time.Minute,
				Transport: way, Metrics: metrics.New(metrics.Build{}), Log: nobody().newLog(s)})
			if err != nil {
				t.Fatal(err)
			}
			return h
		}, false},
		"a refusal": {func(http.RoundTripper) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
		}, false},
		"a page":   {passes, false},
		"a stream": {passes, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				way := answering(func(r *http.Request) *http.Response {
					in, out := io.Pipe()
					go func() {
						// It is sent in pieces, and ends a while behind the last.
						pause := map[bool]time.Duration{true: 6 * time.Hour, false: time.Second}[test.reads]
						for range 4 {
							time.Sleep(pause)
							_, _ = out.Write(make([]byte, 1<<17))
						}
						time.Sleep(pause)
						out.Close()
					}()
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: in, Request: r, ContentLength: -1}
				})
				l := pipes{make(chan net.Conn), make(chan struct{})}
				at := atMost(10, l, func(string) {})
				server := (&servers{}).newServer(test.handler(way), log.New(io.Discard, "", 0))
				go func() { _ = server.Serve(at) }()
				client, other := net.Pipe()
				l.connections <- other
				go func() {
					_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n")
				}()
				resp, err := http.ReadResponse(bufio.NewReader(client), nil)
				if err != nil {
					t.Fatal(err)
				}
				if test.reads {
					if body, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(body, make([]byte, 1<<19)) {
						t.Errorf("%d octets, %v", len(body), err)
					}
				} else {
					time.Sleep(2 * time.Minute)
					if !at.quiet() {
						t.Error("whoever does not read is not left")
					}
				}
				_ = server.Close()
				client.Close()
			})
		})
	}
}

// A client that takes its time with its request leaves the provider all of its own,
// and so cannot make it look silent.
func TestSlowBodyTakesNoneOfTheProvidersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := learning(t, "https://provider.example")
		left := time.Duration(0)
		way := answering(func(r *http.Request) *http.Response {
			deadline, _ := r.Context().Deadline()
			left = time.Until(deadline)
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}
		})
		h, err := proxy.New(proxy.Config{Endpoint: "revocation", Target: &url.URL{Scheme: "http", Host: "provider.example"}, Rules: s.Rules,
			Timeout: 2 * time.Second, Transport: way, Metrics: metrics.New(metrics.Build{}), Log: nobody().newLog(s)})
		if err != nil {
			t.Fatal(err)
		}
		l := pipes{make(chan net.Conn), make(chan struct{})}
		server := (&servers{}).newServer(h, log.New(io.Discard, "", 0))
		go func() { _ = server.Serve(l) }()
		client, other := net.Pipe()
		l.connections <- other
		go func() {
			_, _ = io.WriteString(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=")
			time.Sleep(5 * time.Second)
			_, _ = io.WriteString(client, "b")
		}()
		resp, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil || resp.StatusCode != http.StatusOK || left != 2*time.Second {
			t.Errorf("%+v %v; the provider had %s", resp, err, left)
		}
		_ = server.Close()
		client.Close()
	})
}
