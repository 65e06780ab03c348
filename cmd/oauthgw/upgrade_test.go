package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// The provider must not see an upgrade that it would accept.
func TestA115DeclinedUpgrades(t *testing.T) {
	upstream := startRawProvider(t, func(p peer, r *http.Request) {
		if r.Header.Get("Upgrade") != "" || r.Header.Get("Http2-Settings") != "" {
			p.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + r.Header.Get("Upgrade") + "\r\n\r\n")
			return
		}
		p.say(replyWell)
	})
	g := frontedGateway(t, upstream)
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		for _, protocol := range []string{"h2c", "H2C", "h2", "TLS/1.0", "websocket/13", "h2c, TLS/1.0", "web socket", "caf\xe9", "\"websocket\"", ""} {
			resp := dialPeer(t, g.data).ask(t, "GET /ws "+version+"\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "+
				protocol+"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
			if resp.StatusCode != http.StatusOK {
				t.Errorf("%s, %q: got %d", version, protocol, resp.StatusCode)
			}
		}
	}
}

// Both sides may send as soon as they have sent the header of their message.
func TestA116BytesBehindTheHandshake(t *testing.T) {
	early := strings.Repeat("0123456789abcdef", 4<<10)
	for name, atOnce := range map[string]bool{"with the request": true, "before the response": false} {
		t.Run(name, func(t *testing.T) {
			arrived, sent := make(chan struct{}), make(chan struct{})
			heard := make(chan bool, 1)
			upstream := startRawProvider(t, func(p peer, _ *http.Request) {
				close(arrived)
				<-sent
				p.say(switched + "welcome")
				heard <- p.hears(early)
			})
			c := dialPeer(t, frontedGateway(t, upstream).data)
			if atOnce {
				go c.say(handshake + early)
				close(sent)
			} else {
				c.say(handshake)
				<-arrived
				go c.say(early)
				close(sent)
			}
			resp, err := http.ReadResponse(c.r, nil)
			if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("got %v %v", resp, err)
			}
			if !c.hears("welcome") {
				t.Error("the client lacks what was sent behind the response")
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
			upstream := startRawProvider(t, func(p peer, _ *http.Request) {
				_ = p.SetDeadline(time.Now().Add(10 * time.Second))
				p.say(test.response)
				closed <- p.ends()
			})
			g := frontedGateway(t, upstream)
			c := dialPeer(t, g.data)
			if resp := c.ask(t, test.request); resp.StatusCode != http.StatusBadGateway || resp.Header.Get("Upgrade") != "" {
				t.Errorf("got %v", resp)
			}
			if !<-closed {
				t.Error("the connection to the provider stays")
			}
			if text := g.settled(t); !strings.Contains(text, `oauthgw_upstream_errors_total{endpoint="passthrough",reason="broken_reply"} 1`) {
				t.Error("the metrics do not say so")
			}
		})
	}
}

// One side of each of ten WebSockets closes its connection and the other is silent.
// The gateway must not keep any of the twenty connections.
func TestA118SilenceBehindTheEnd(t *testing.T) {
	const count = 10
	for name, providerCloses := range map[string]bool{"of the provider": true, "of the client": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone, settled := make(chan bool, count), make(chan struct{})
			settle := sync.OnceFunc(func() { close(settled) })
			defer settle()
			upstream := startRawProvider(t, func(p peer, _ *http.Request) {
				p.say(switched)
				if !providerCloses {
					ended := p.ends()
					<-settled
					gone <- ended && p.isRefused()
				}
			})
			g := frontedGateway(t, upstream)
			var clients []peer
			for range count {
				c := dialPeer(t, g.data)
				c.open(t)
				if !providerCloses {
					c.Close()
				}
				clients = append(clients, c)
			}
			g.settled(t)
			settle()
			for _, c := range clients {
				if providerCloses {
					gone <- c.ends() && c.isRefused()
				}
			}
			for range count {
				if !<-gone {
					t.Error("a connection stays")
				}
			}
		})
	}
}
