package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// clients are well-behaved clients beside hostile ones. Half of them keep their
// connections, half connect for every request.
type clients struct {
	env              *env
	keeping, closing []*client
	// full says that all connections are taken: requests for which there is no
	// connection count as unserved, not as failures.
	full     bool
	unserved atomic.Int64
}

func (e *env) wellBehaved(g *gateway) *clients {
	c := &clients{env: e, keeping: e.newClients(16, g.data), closing: e.newClients(16, g.data)}
	for _, client := range c.closing {
		client.header.Set("Connection", "close")
	}
	return c
}

// run lets the clients send requests for a time.
func (c *clients) run(ctx context.Context, d time.Duration) *latencies {
	l := load{requests: []request{redeem, sendWrongSecret, fetchMetadata}, maxPause: 20 * time.Millisecond, keepConns: true, took: &latencies{}}
	stopKeeping := c.env.startLoad(ctx, l, c.keeping)
	l.isExpected = func(r response, err error) bool {
		unserved := c.full && err != nil && r.Response == nil
		if unserved {
			c.unserved.Add(1)
		}
		return unserved
	}
	stopClosing := c.env.startLoad(ctx, l, c.closing)
	pause(ctx, d)
	stopKeeping()
	stopClosing()
	return l.took
}

// keptConnections is how many connections the well-behaved clients and the provider
// keep, with two goroutines each.
const keptConnections = 150

// waitForRelease waits until a gateway uses no more than before, except for kept
// connections.
func (g *gateway) waitForRelease(ctx context.Context, before resources) error {
	return waitFor(ctx, fmt.Sprintf("the gateway to use no more than %v", before), func() bool {
		now, err := g.resources()
		return err == nil && now.goroutines <= before.goroutines+keptConnections && now.files <= before.files+keptConnections
	})
}
