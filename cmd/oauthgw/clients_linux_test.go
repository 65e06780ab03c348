package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthgw/internal/config"
)

// TestA128FullnessIsVisible checks that a gateway at its connection limit reports this in its
// metrics and, once per limit, in its log, and still serves new connections.
func TestA128FullnessIsVisible(t *testing.T) {
	p := newStreamProvider(t)
	g := frontedGateway(t, p.URL, withMaxConnections(2))
	if text := g.scrape(t); !strings.Contains(text, "oauthgw_connections_open 0\n") || !strings.Contains(text, "oauthgw_connections_max 2\n") {
		t.Errorf("at first:\n%s", text)
	}
	stream := holdConn(t, g.data, "GET /events HTTP/1.1\nHost: a\n\n")
	stream.response(t)
	holdConn(t, g.data, "")
	eventually(t, "opening two connections", func() bool { return strings.Contains(g.scrape(t), "oauthgw_connections_open 2\n") })
	for range 3 {
		if response := send(t, g.data, "GET /events HTTP/1.1\nHost: a"); !strings.HasPrefix(response, tooManyStreams) {
			t.Errorf("got %q", response)
		}
	}
	if text := g.scrape(t); !strings.Contains(text, "oauthgw_connections_evicted_total{state=\"reading\"} 1\n") {
		t.Errorf("the metrics do not show one evicted connection:\n%s", text)
	}
	stream.Close()
	eventually(t, "closing all connections", func() bool { return strings.Contains(g.scrape(t), "oauthgw_connections_open 0\n") })
	log := g.stop()
	for _, line := range []string{
		`"level":"WARN","msg":"connection limit reached","limit":"max_connections","max_connections":2,"passthrough":1}`,
		`"level":"WARN","msg":"connection limit reached","limit":"streams","max_connections":2,"passthrough":1}`,
	} {
		if strings.Count(log, line) != 1 {
			t.Errorf("the log lacks %s, or has it more than once:\n%s", line, log)
		}
	}
}

// TestA188ClientsThatLeave checks that when a client disconnects, its request to the provider
// ends, whatever the client has sent after it.
func TestA188ClientsThatLeave(t *testing.T) {
	const (
		first       = "GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n"
		nextRequest = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
		chunked     = first + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	)
	for name, test := range map[string]struct {
		network, sends, later string
		tls                   bool
	}{
		"nothing":                     {"tcp", first + "\r\n", "", false},
		"an empty line":               {"tcp", first + "\r\n\r\n", "", false},
		"a request":                   {"tcp", first + "\r\n" + nextRequest, "", false},
		"a byte, later":               {"tcp", first + "\r\n", "G", false},
		"requests, at once and later": {"tcp", first + "\r\n" + nextRequest, nextRequest, false},
		"more than net/http buffers":  {"tcp", first + "\r\n" + strings.Repeat(nextRequest, 500), "G", false},
		"after a body":                {"tcp", first + "Content-Length: 1\r\n\r\na" + nextRequest, "G", false},
		"after chunks":                {"tcp", chunked, "G", false},
		"requests after chunks":       {"tcp", chunked + nextRequest, nextRequest, false},
		"over TLS":                    {"tcp", first + "\r\n" + nextRequest, "G", true},
		"over a Unix socket":          {"unix", first + "\r\n" + nextRequest, "G", false},
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
			g := frontedGateway(t, p.URL, withMaxConnections(20), func(c *config.Config) {
				if test.tls {
					c.TLS = certificateFiles(t, filepath.Join(t.TempDir(), "own"), time.Now().Add(time.Hour))
				}
				if test.network == "unix" {
					c.Listen = "unix:" + filepath.Join(t.TempDir(), "s")
				}
			})
			c := dialRawNetwork(t, test.network, g.data, test.tls)
			if resp := c.send(t, test.sends); resp.StatusCode != http.StatusOK {
				t.Fatalf("got %v", resp)
			}
			c.write(test.later)
			if ended.Load() != 0 {
				t.Error("the stream ended before its client left")
			}
			c.Close()
			eventually(t, "the end of the stream", func() bool { return ended.Load() == 1 })
		})
	}
}

// TestA119HalfClose checks that when one side of a WebSocket finishes sending, the other
// receives the end and still answers, with TLS on both sides and over Unix sockets.
func TestA119HalfClose(t *testing.T) {
	tlsServer := httptest.NewTLSServer(http.NotFoundHandler())
	defer tlsServer.Close()
	for network, isTLS := range map[string]bool{"tcp": true, "unix": false} {
		for _, clientFirst := range []bool{true, false} {
			l, upstream := listenRaw(t, network)
			if isTLS {
				l, upstream = tls.NewListener(l, tlsServer.TLS), "https://"+l.Addr().String()
			}
			heard := make(chan bool, 1)
			serveRaw(t, l, func(p rawPeer, _ *http.Request) {
				p.write(switched)
				heard <- p.converse(!clientFirst)
			})
			g := frontedGateway(t, upstream, func(c *config.Config) {
				if isTLS {
					c.TLS, c.Upstream.CAFile = certificateFiles(t, filepath.Join(t.TempDir(), "own"), time.Now().Add(time.Hour)), writeCertificate(t, tlsServer)
				} else {
					c.Listen = "unix:" + filepath.Join(t.TempDir(), "s")
				}
			})
			c := dialRawNetwork(t, network, g.data, isTLS)
			c.openWebSocket(t)
			if !c.converse(clientFirst) || !<-heard {
				t.Errorf("%s, client closes first %v: data or EOF was lost", network, clientFirst)
			}
		}
	}
}

// converse sends a question, closes its sending side and reads the answer. If first is
// false, it reads the question up to EOF and answers. It reports whether it received
// everything.
func (p rawPeer) converse(first bool) bool {
	if first {
		p.write("question")
		return p.CloseWrite() == nil && p.reads("answer") && p.readsEOF()
	}
	heard := p.reads("question") && p.readsEOF()
	p.write("answer")
	return p.CloseWrite() == nil && heard
}
