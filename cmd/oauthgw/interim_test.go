package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Hop-by-hop fields, and those that Connection names, are for the connection to the
// provider alone.
func TestA121HopByHopFields(t *testing.T) {
	const fields = "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n" +
		"Proxy-Authenticate: Basic realm=a\r\nTrailer: X-Late\r\nX-Kept: 1\r\n"
	upstream := startRawProvider(t, func(p peer, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			p.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nContent-Length: 5\r\n" + fields + "\r\n")
			return
		}
		p.say("HTTP/1.1 102 Processing\r\n" + fields + "\r\nHTTP/1.1 103 Early Hints\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n" + fields + "\r\n" + replyWell)
	})
	g := frontedGateway(t, upstream)
	for name, test := range map[string]struct {
		request string
		heads   []string
	}{
		"interim": {"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
			[]string{"HTTP/1.1 102 Processing\r\nX-Kept: 1\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nX-Kept: 1\r\n\r\n", "HTTP/1.1 200 OK\r\n"}},
		"101": {handshake, []string{"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Kept: 1\r\n\r\n"}},
	} {
		c := dialPeer(t, g.data)
		c.say(test.request)
		for _, head := range test.heads {
			if got := c.head(len(head)); got != head {
				t.Errorf("%s: got %q, want %q", name, got, head)
			}
		}
	}
}

// head returns what arrives next, up to a number of bytes.
func (p peer) head(n int) string {
	got := make([]byte, n)
	n, _ = io.ReadFull(p.r, got)
	return string(got[:n])
}

func TestA122InterimResponsesOfHTTP10(t *testing.T) {
	const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	upstream := startRawProvider(t, func(p peer, _ *http.Request) { p.say(interim + replyWell) })
	g := frontedGateway(t, upstream)
	for _, version := range []string{"HTTP/1.0", "HTTP/1.1"} {
		c := dialPeer(t, g.data)
		c.say(fmt.Sprintf("GET /x %s\r\nHost: a\r\nConnection: close\r\n\r\n", version))
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
