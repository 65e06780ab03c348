package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	handshake          = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	wellFormedResponse = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	switched           = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
)

// TestA061A115DeclinedUpgrades checks that the provider does not get an upgrade that it would
// accept.
func TestA061A115DeclinedUpgrades(t *testing.T) {
	upstream := startRawProvider(t, func(p rawPeer, r *http.Request) {
		if r.Header.Get("Upgrade") != "" || r.Header.Get("Http2-Settings") != "" {
			p.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + r.Header.Get("Upgrade") + "\r\n\r\n")
			return
		}
		p.write(wellFormedResponse)
	})
	g := frontedGateway(t, upstream)
	for _, version := range []string{"GET /ws HTTP/1.1", "GET /ws HTTP/1.0", "POST /t HTTP/1.1"} {
		for _, protocol := range []string{"h2c", "H2C", "h2", "TLS/1.0", "websocket/13", "h2c, TLS/1.0", "web socket", "caf\xe9", "\"websocket\"", ""} {
			resp := dialRaw(t, g.data).send(t, version+"\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "+
				protocol+"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 0\r\n\r\n")
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s, %q: got %d", version, protocol, resp.StatusCode)
			}
		}
	}
	if resp := dialRaw(t, g.data).send(t, strings.Replace(wireRequest, "Host: a", "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket", 1)); resp.StatusCode != http.StatusOK {
		t.Errorf("a WebSocket at an endpoint: got %d", resp.StatusCode)
	}
}

// TestA116A200BytesBehindTheHandshake checks that both sides may send any bytes as soon as they
// have sent the header of their message, also more line feeds than a header may have.
func TestA116A200BytesBehindTheHandshake(t *testing.T) {
	early := strings.Repeat("0123456789abcde\n", 4<<10)
	for name, atOnce := range map[string]bool{"with the request": true, "before the response": false} {
		t.Run(name, func(t *testing.T) {
			arrived, sent, heard := make(chan struct{}), make(chan struct{}), make(chan bool, 1)
			upstream := startRawProvider(t, func(p rawPeer, _ *http.Request) {
				close(arrived)
				<-sent
				p.write(switched + "welcome")
				heard <- p.reads(early)
			})
			c := dialRaw(t, frontedGateway(t, upstream).data)
			if atOnce {
				go c.write(handshake + early)
			} else {
				c.write(handshake)
				<-arrived
				go c.write(early)
			}
			close(sent)
			if resp := c.response(t); resp.StatusCode != http.StatusSwitchingProtocols || !c.reads("welcome") {
				t.Fatalf("got %v", resp)
			}
			if !<-heard {
				t.Error("the provider lacks what was sent behind the request")
			}
		})
	}
}

func TestA117SwitchThatWasNotRequested(t *testing.T) {
	const head = "HTTP/1.1 101 Switching Protocols\r\n"
	const plainRequest = "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, test := range map[string]struct{ request, response string }{
		"to h2c":                   {handshake, head + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"},
		"to nothing":               {handshake, head + "Connection: Upgrade\r\n\r\n"},
		"to two protocols":         {handshake, head + "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n"},
		"in two fields":            {handshake, head + "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n"},
		"without Connection":       {handshake, head + "Upgrade: websocket\r\n\r\n"},
		"to another character set": {handshake, head + "Connection: Upgrade\r\nUpgrade: websocket\xe9\r\n\r\n"},
		"of HTTP/1.0":              {handshake, strings.Replace(switched, "HTTP/1.1", "HTTP/1.0", 1)},
		"without a handshake":      {plainRequest, switched},
		"of nothing to nothing":    {plainRequest, head + "\r\n"},
		"behind a declined h2c":    {strings.Replace(handshake, "websocket", "h2c", 1), head + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan bool, 1)
			upstream := startRawProvider(t, func(p rawPeer, _ *http.Request) {
				_ = p.SetDeadline(time.Now().Add(10 * time.Second))
				p.write(test.response)
				closed <- p.readsEOF()
			})
			g := frontedGateway(t, upstream)
			c := dialRaw(t, g.data)
			if resp := c.send(t, test.request); resp.StatusCode != http.StatusBadGateway || resp.Header.Get("Upgrade") != "" {
				t.Errorf("got %v", resp)
			}
			if !<-closed {
				t.Error("the connection to the provider stays")
			}
			if text := g.settledMetrics(t); !strings.Contains(text, `oauthgw_upstream_errors_total{endpoint="passthrough",reason="broken_reply"} 1`) {
				t.Error("the metrics do not say so")
			}
		})
	}
}

// TestA121HopByHopFields checks that hop-by-hop fields, and those that Connection names, stay
// on the connection to the provider.
func TestA121HopByHopFields(t *testing.T) {
	const fields = "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n" +
		"Proxy-Authenticate: Basic realm=a\r\nTrailer: X-Late\r\nX-Kept: 1\r\n"
	upstream := startRawProvider(t, func(p rawPeer, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			p.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nContent-Length: 5\r\n" + fields + "\r\n")
			return
		}
		p.write("HTTP/1.1 102 Processing\r\nX-Request-Id: other\r\n" + fields + "\r\nHTTP/1.1 103 Early Hints\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n" + fields + "\r\n" + wellFormedResponse)
	})
	g := frontedGateway(t, upstream)
	for name, test := range map[string]struct {
		request string
		heads   []string
	}{
		"interim": {"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
			[]string{"HTTP/1.1 102 Processing\r\nX-Kept: 1\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nX-Kept: 1\r\n\r\n", "HTTP/1.1 200 OK\r\n"}},
		"101": {handshake, []string{"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Kept: 1\r\nX-Request-Id: "}},
	} {
		c := dialRaw(t, g.data)
		c.write(test.request)
		for _, head := range test.heads {
			if got := c.readSome(len(head)); got != head {
				t.Errorf("%s: got %q, want %q", name, got, head)
			}
		}
	}
}

func TestA122InterimResponsesOfHTTP10(t *testing.T) {
	const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	upstream := startRawProvider(t, func(p rawPeer, _ *http.Request) { p.write(interim + wellFormedResponse) })
	g := frontedGateway(t, upstream)
	for _, version := range []string{"HTTP/1.0", "HTTP/1.1"} {
		c := dialRaw(t, g.data)
		c.write(fmt.Sprintf("GET /x %s\r\nHost: a\r\nConnection: close\r\n\r\n", version))
		answer, err := io.ReadAll(c.r)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{" 100 Continue", " 103 Early Hints", "Link: </x>"} {
			if got := strings.Contains(string(answer), part); got != (version == "HTTP/1.1") {
				t.Errorf("%s: %q is there: %v\n%s", version, part, got, answer)
			}
		}
		if !strings.Contains(string(answer), " 200 OK\r\n") || !strings.HasSuffix(string(answer), "{}") {
			t.Errorf("%s: got %s", version, answer)
		}
	}
}

// TestA079InterimResponsesWithoutEnd checks that the client receives an error, and that the
// connection to the provider ends.
func TestA079InterimResponsesWithoutEnd(t *testing.T) {
	for _, interim := range []string{"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: " + strings.Repeat("x", 8<<10) + "\r\n\r\n"} {
		upstream := startRawProvider(t, func(p rawPeer, _ *http.Request) {
			for _, err := io.WriteString(p, interim); err == nil; {
				_, err = io.WriteString(p, interim)
			}
		})
		if resp := dialRaw(t, frontedGateway(t, upstream).data).send(t, wireRequest); resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%.30q: got %d", interim, resp.StatusCode)
		}
	}
}

// TestA104ClientThatLeaves checks that the connection to the provider ends with the client, that
// the code is not sent again, and that the log has the outcome.
func TestA104ClientThatLeaves(t *testing.T) {
	arrived := make(chan struct{}, 1)
	var requests atomic.Int32
	upstream := startRawProvider(t, func(p rawPeer, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if requests.Add(1) > 1 {
			p.write(wellFormedResponse)
			return
		}
		arrived <- struct{}{}
		p.readsEOF()
	})
	g := frontedGateway(t, upstream)
	c := dialRaw(t, g.data)
	c.write(wireRequest)
	<-arrived
	c.Close()
	if resp := dialRaw(t, g.data).send(t, wireLast); resp.StatusCode != http.StatusOK || requests.Load() != 2 {
		t.Errorf("the next client receives %d, after %d requests", resp.StatusCode, requests.Load())
	}
	if log := g.stop(); !strings.Contains(log, `"outcome":"canceled"`) {
		t.Errorf("the log says %s", log)
	}
}
