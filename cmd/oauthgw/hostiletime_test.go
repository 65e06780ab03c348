package main

import (
	"oauthgw/internal/config"
	"oauthgw/internal/faultprovider"
	"testing"
	"time"
)

// hostileElsewhere are the misbehaviours whose time matters.
var hostileElsewhere = map[string]bool{
	"silence": true, "slow-header": true, "slow-body": true, "stalled-body": true, "close-idle": true,
}

// Row 74: whatever the provider is slow with, the client is told in time.
func TestA074SlowProvider(t *testing.T) {
	for _, name := range []string{"silence", "slow-header", "slow-body", "stalled-body"} {
		t.Run("74 "+name, func(t *testing.T) {
			t.Parallel()
			p := startHostile(t, nil)
			g := startGateway(t, learning(t, p.url, func(c *config.Config) { c.Upstream.Timeout = time.Second }))
			c := &strictClient{test: t, address: g.data}
			c.succeeds(t, name+"-before")
			p.take()
			meeting{status: 504}.expect(t, c.redeem(t, name, name))
			c.succeeds(t, name+"-honest")
			if arrived := p.take(); len(arrived) != 2 || arrived[0].Connection == arrived[1].Connection {
				t.Errorf("%+v arrived", arrived)
			}
			p.once(t)
		})
	}
}

// A connection that ends under a request that has arrived costs that request, and
// it is not sent again.
func TestConnectionClosedUnderARequest(t *testing.T) {
	p := startHostile(t, nil)
	g := startGateway(t, learning(t, p.url))
	c := &strictClient{test: t, address: g.data}
	for _, code := range []string{"a", "b", "c"} {
		if a := c.redeem(t, code+"1", "close-idle"); a.StatusCode != 200 {
			t.Errorf("got %d %s", a.StatusCode, a.text)
		}
		if a := c.redeem(t, code+"2", ""); a.StatusCode != 200 {
			meeting{status: 502}.expect(t, a)
		}
		c.succeeds(t, code+"3")
	}
	p.once(t)
}

// A provider that spoils connections before it is asked is a provider that
// cannot be asked: that is no reason to ask twice where it may have heard.
func TestSpoiltConnections(t *testing.T) {
	for name, row := range map[string]string{"banner-at-once": "80", "close-on-accept": "R3"} {
		t.Run(row+" "+name, func(t *testing.T) {
			p := startHostile(t, nil)
			g := startReloading(t, p.url, "log: {level: debug}\n")
			c := &strictClient{test: t, address: g.data}
			// Its connection is not used again, so that the next one is new.
			meeting{status: 502}.expect(t, c.redeem(t, name+"-0", "truncated"))
			p.set(t, faultprovider.Shares{name: 100})
			for _, code := range []string{"-1", "-2"} {
				meeting{status: 502}.expect(t, c.redeem(t, name+code, ""))
			}
			p.set(t, nil)
			c.succeeds(t, name+"-honest")
			p.once(t)
		})
	}
}
