package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
