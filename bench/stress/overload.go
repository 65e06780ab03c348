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

// overload multiplies the clients of a slow provider by ten for a while. Requests beyond
// maxInFlight must be refused at once, throughput must stay, and metadata and pages must
// be served.
func overload(ctx context.Context, e *env) (string, error) {
	g, err := e.startGateway(ctx, "")
	if err != nil {
		return "", err
	}
	var inFlight, most atomic.Int64
	e.provider.before = func(http.ResponseWriter, *http.Request) {
		n := inFlight.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(2 * time.Second)
		inFlight.Add(-1)
	}
	o := newOutcomes()
	throughput := func(clients int, d time.Duration, others *latencies) float64 {
		stopOthers := e.startLoad(ctx, load{requests: []request{fetchMetadata, fetchPage}, maxPause: 20 * time.Millisecond, took: others}, e.newClients(8, g.data))
		defer stopOthers()
		served, start := o.counts()["200"], time.Now()
		stop := e.startLoad(ctx, load{requests: []request{o.redeem(false, false)}, maxPause: 5 * time.Millisecond,
			refusedPause: time.Second}, e.newClients(clients, g.data))
		pause(ctx, d)
		stop()
		return float64(o.counts()["200"]-served) / time.Since(start).Seconds()
	}
	var calm, busy latencies
	before := throughput(250, e.scaledTime(10*time.Second), &calm)
	during := throughput(2500, e.scaledTime(20*time.Second), &busy)
	after := throughput(250, e.scaledTime(10*time.Second), nil)
	used, resourcesErr := g.resources()
	err = errors.Join(resourcesErr, g.stop(ctx, syscall.SIGINT))
	if during < .7*before || after < .7*before {
		err = errors.Join(err, fmt.Errorf("served %.0f per second, then %.0f, then %.0f", before, during, after))
	}
	if n := most.Load(); n > maxInFlight || n < maxInFlight/2 || o.counts()[notSent] == 0 {
		err = errors.Join(err, fmt.Errorf("the provider had %d requests in flight, outcomes %v", n, o))
	}
	if used.peak > e.limits.memory {
		err = errors.Join(err, fmt.Errorf("the gateway used %s", mib(used.peak)))
	}
	return fmt.Sprintf("served per second: %.0f for 250 clients, %.0f for 2500 (%.0f %%), then %.0f for 250 (%.0f %%); at most %d at the provider; metadata and pages p99 %s, before %s; at most %s; %s",
		before, during, 100*during/before, after, 100*after/before, most.Load(), busy.quantile(.99), calm.quantile(.99), mib(used.peak), o), err
}
