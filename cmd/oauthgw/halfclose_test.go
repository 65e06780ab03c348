package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"path/filepath"
	"testing"
	"time"
)

// One side finishes sending, the other receives the end and still answers, whatever the
// connections are made of.
func TestA119HalfClose(t *testing.T) {
	own := certificateFiles(t, filepath.Join(t.TempDir(), "own"), time.Now().Add(time.Hour))
	shown := httptest.NewTLSServer(http.NotFoundHandler())
	defer shown.Close()
	for name, test := range map[string]struct {
		network string
		tls     bool
	}{"TCP": {"tcp", false}, "TLS": {"tcp", true}, "Unix socket": {"unix", false}} {
		for _, clientFirst := range []bool{true, false} {
			l, upstream := listenRaw(t, test.network)
			if test.tls {
				l, upstream = tls.NewListener(l, shown.TLS), "https://"+l.Addr().String()
			}
			heard := make(chan bool, 1)
			serveRaw(t, l, func(p peer, _ *http.Request) {
				p.say(switched)
				heard <- p.converse(!clientFirst)
			})
			g := frontedGateway(t, upstream, func(c *config.Config) {
				if test.tls {
					c.TLS, c.Upstream.CAFile = own, writeCertificate(t, shown)
				}
				if test.network == "unix" {
					c.Listen = "unix:" + filepath.Join(t.TempDir(), "s")
				}
			})
			c := dialPeerBy(t, test.network, g.data, test.tls)
			c.open(t)
			if !c.converse(clientFirst) || !<-heard {
				t.Errorf("%s, the client first %v: something was lost", name, clientFirst)
			}
		}
	}
}

// converse asks and finishes sending, or listens to the end and answers. It reports
// whether the other side did the other.
func (p peer) converse(first bool) bool {
	if first {
		p.say("question")
		return p.CloseWrite() == nil && p.hears("answer") && p.ends()
	}
	heard := p.hears("question") && p.ends()
	p.say("answer")
	return p.CloseWrite() == nil && heard
}
