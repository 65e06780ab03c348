package main

import (
	"bufio"
	"net/http"
	"oauthgw/internal/config"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// The exchange of a client that leaves ends, whatever the client has sent behind its
// request, with it or later.
func TestA188ClientsThatLeave(t *testing.T) {
	const (
		first   = "GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
		another = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
		chunked = first + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	)
	for name, test := range map[string]struct {
		network, sends, later string
		tls                   bool
	}{
		"nothing":                    {"tcp", first + "\r\n", "", false},
		"an empty line":              {"tcp", first + "\r\n\r\n", "", false},
		"a request":                  {"tcp", first + "\r\n" + another, "", false},
		"a byte, later":              {"tcp", first + "\r\n", "G", false},
		"requests, with it or later": {"tcp", first + "\r\n" + another, another, false},
		"more than net/http buffers": {"tcp", first + "\r\n" + strings.Repeat(another, 500), "G", false},
		"behind a body":              {"tcp", first + "Content-Length: 1\r\n\r\na" + another, "G", false},
		"behind chunks":              {"tcp", chunked, "G", false},
		"requests behind chunks":     {"tcp", chunked + another, another, false},
		"over TLS":                   {"tcp", first + "\r\n" + another, "G", true},
		"over a Unix socket":         {"unix", first + "\r\n" + another, "G", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newStreamProvider(t)
			t.Cleanup(p.CloseClientConnections) // if the test fails
			var ended atomic.Int64
			stream := p.Config.Handler
			p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer ended.Add(1)
				stream.ServeHTTP(w, r)
			})
			g := frontedGateway(t, p.URL, fewConnections(20), func(c *config.Config) {
				if test.tls {
					c.TLS = certificateFiles(t, filepath.Join(t.TempDir(), "own"), time.Now().Add(time.Hour))
				}
				if test.network == "unix" {
					c.Listen = "unix:" + filepath.Join(t.TempDir(), "s")
				}
			})
			c := dialPeerBy(t, test.network, g.data, test.tls)
			c.say(test.sends)
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("got %v %v", resp, err)
			}
			c.say(test.later)
			if ended.Load() != 0 {
				t.Error("the stream ended before its client left")
			}
			c.Close()
			eventually(t, "the end of the stream", func() bool { return ended.Load() == 1 })
		})
	}
}
