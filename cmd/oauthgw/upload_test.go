package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// piece is a tenth of a body that is not small.
var piece = strings.Repeat("x", 500)

// A body on its way through may take as long as it moves, and one that nobody reads
// is not waited for without end.
func TestBodiesHaveToMove(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		pieces int // that are sent, of ten
		status int
		within time.Duration
	}{
		"a long upload":             {"/upload", 10, 200, 90 * time.Second},
		"an upload that stops":      {"/upload", 4, 408, 45*time.Second + time.Millisecond},
		"a body that nobody reads":  {"/refused", 1, 404, 15*time.Second + time.Millisecond},
		"an answer that comes late": {"/late", 10, 200, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := throughPipes(t)
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

// throughPipes connects a client to a provider through a gateway, in a time of its
// own. The provider answers what it has read whole, on /late a while later; /refused
// does not reach it.
func throughPipes(t *testing.T) net.Conn {
	provider := pipes{make(chan net.Conn), make(chan struct{})}
	far := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != strings.Repeat(piece, 10) {
			panic(http.ErrAbortHandler)
		}
		if r.URL.Path == "/late" {
			time.Sleep(3 * time.Minute)
		}
	}), ReadHeaderTimeout: time.Minute}
	go func() { _ = far.Serve(provider) }()
	way := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		provider.connections <- far
		return near, nil
	}}
	passes := proxy.NewPassthrough(proxy.PassthroughConfig{Upstream: &url.URL{Scheme: "http", Host: "provider.example"},
		Transport: way, Way: origin.Map{}, Metrics: metrics.New(metrics.Build{}), Log: nobody().newLog(settings{})})
	near := pipes{make(chan net.Conn, 1), make(chan struct{})}
	server := (&servers{}).newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refused" {
			proxy.Refuse(w, r, proxy.ErrNotFound)
			return
		}
		passes.ServeHTTP(w, r)
	}), log.New(io.Discard, "", 0))
	go func() { _ = server.Serve(near) }()
	client, other := net.Pipe()
	near.connections <- other
	t.Cleanup(func() {
		client.Close()
		_, _ = server.Close(), far.Close()
		way.CloseIdleConnections()
	})
	return client
}
