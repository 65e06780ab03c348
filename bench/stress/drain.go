package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"syscall"
	"time"
)

// drainDelay is the gateway's drain.delay.
const drainDelay = time.Second

// drain terminates gateways behind clients that behave as a load balancer: they keep
// connections, and send no further request a quarter of drain.delay after readiness is
// 503. Every request must be answered.
func drain(ctx context.Context, e *env) (string, error) {
	e.provider.before = func(_ http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("scope") == "slow" {
			time.Sleep(drainDelay)
		}
	}
	rounds := e.scaled(10)
	for range rounds {
		if err := e.drainOnce(ctx); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d shutdowns, %d codes", rounds, e.provider.codes()), nil
}

func (e *env) drainOnce(ctx context.Context) error {
	g, err := e.startGateway(ctx, fmt.Sprintf("drain: {delay: %s}\n", drainDelay))
	if err != nil {
		return err
	}
	stopBusy := e.startLoad(ctx, load{requests: []request{redeem}}, e.newClients(16, g.data))
	stopPausing := e.startLoad(ctx, load{requests: []request{redeem}, maxPause: drainDelay / 2}, e.newClients(16, g.data))
	pause(ctx, drainDelay/2)
	err = errors.Join(g.signal(syscall.SIGTERM), waitFor(ctx, "readiness to be 503", func() bool {
		return g.expect(http.MethodGet, "/-/ready", http.StatusServiceUnavailable) == nil
	}))
	pause(ctx, drainDelay/4)
	var inFlight sync.WaitGroup
	for _, c := range e.newClients(4, g.data) {
		inFlight.Go(func() { // ends after drain.delay
			_, err := c.sendCode(1, secret, url.Values{"scope": {"slow"}}, nil)
			e.count(err)
		})
	}
	stopBusy()
	stopPausing()
	inFlight.Wait()
	return errors.Join(err, g.waitForExit(ctx))
}
