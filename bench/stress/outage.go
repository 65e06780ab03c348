package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
)

// maxRecovery is how long the gateway may refuse requests after an outage.
const maxRecovery = 2 * time.Second

// outage stops the provider and starts it again under load. Requests that begin while
// it is down must be refused as not sent, metadata must stay available, and wrong
// secrets must not make the gateway refuse requests.
func outage(ctx context.Context, e *env) (string, error) {
	g, err := e.startGateway(ctx, "metadata: {ttl: 1s}\n")
	if err != nil {
		return "", err
	}
	var o outages
	stop := e.startLoad(ctx, load{requests: []request{o.during(redeem), o.during(sendWrongSecret), o.during(sendWrongSecret), fetchMetadata},
		maxPause: 10 * time.Millisecond}, e.newClients(32, g.data))
	defer stop()
	var recoveries latencies
	rounds := e.scaled(9)
	for i := 0; i < rounds && err == nil; i++ {
		pause(ctx, time.Second)
		o.down.Store(true)
		err = e.provider.restart(ctx, []time.Duration{50 * time.Millisecond, time.Second, 6 * time.Second}[i%3])
		start, probe := time.Now(), e.newClients(1, g.data)[0]
		err = errors.Join(err, waitFor(ctx, "a response after the outage", func() bool { _, err := redeem(probe); return err == nil }))
		recoveries.add(time.Since(start))
		pause(ctx, maxRecovery)
		o.down.Store(false)
	}
	stop()
	if n := o.interrupted.Load(); n > int64(rounds*32) { // at most one request of each client
		err = errors.Join(err, fmt.Errorf("%d requests ended as 502", n))
	}
	return fmt.Sprintf("%d outages; %d requests refused as not sent, %d interrupted; first response after at most %s",
		rounds, o.refused.Load(), o.interrupted.Load(), recoveries.quantile(1)), errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// outages counts what an outage of the provider does to requests.
type outages struct {
	down                 atomic.Bool // from before an outage until maxRecovery after it
	refused, interrupted atomic.Int64
}

// during returns a request that may fail during an outage.
func (o *outages) during(send request) request {
	return func(c *client) (response, error) {
		begun := o.down.Load()
		r, err := send(c)
		if err == nil || r.Response == nil || !begun && !o.down.Load() {
			return r, err
		}
		switch outcome, _ := outcomeOf(c, r, nil, false); outcome {
		case notSent:
			o.refused.Add(1)
			return r, nil
		case "502": // sent before the outage
			o.interrupted.Add(1)
			return r, nil
		}
		return r, err
	}
}
