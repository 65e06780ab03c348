package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// attack is a part with hostile clients. Well-behaved clients must be served before,
// meanwhile and afterwards, and the gateway must stay within its memory limit.
type attack struct {
	behaviors []string
	each      int           // connections of each behavior
	duration  time.Duration // at scale 1
	provider  time.Duration // how long the provider takes for a token request
	full      bool          // the attackers take all connections
	maxFiles  int           // that the gateway may open; 0: no limit
}

func (a attack) run(ctx context.Context, e *env) (string, error) {
	e.maxFiles = a.maxFiles
	e.provider.before = func(http.ResponseWriter, *http.Request) { time.Sleep(a.provider) }
	g, err := e.startGateway(ctx, "")
	if err != nil {
		return "", err
	}
	idle, err := g.resources()
	c := e.wellBehaved(g)
	before := c.run(ctx, e.scaledTime(4*time.Second))
	d := e.scaledTime(a.duration)
	results := startAttackers(ctx, a.behaviors, g.data, e.scaled(a.each), d)
	pause(ctx, d/4)
	c.full = a.full
	during := c.run(ctx, d*3/4)
	files, filesErr := g.openFiles()
	c.full = false
	text := results()
	after := c.run(ctx, e.scaledTime(4*time.Second))
	used, usedErr := g.resources()
	if used.peak > e.limits.memory {
		err = errors.Join(err, fmt.Errorf("the gateway used %s of %s", mib(used.peak), mib(e.limits.memory)))
	}
	err = errors.Join(err, filesErr, usedErr, g.waitForRelease(ctx, idle), g.stop(ctx, syscall.SIGINT))
	return fmt.Sprintf("at most %s and %d open files; p99 of well-behaved clients %s, during the attack %s, afterwards %s; %d unserved%s",
		mib(used.peak), files, before.quantile(.99), during.quantile(.99), after.quantile(.99), c.unserved.Load(), text), err
}

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
