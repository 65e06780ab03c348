package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// maxInFlight is how many requests the gateway sends to the provider at once.
	maxInFlight = 512
	// stallTimeout is upstream.timeout in stall.
	stallTimeout = 2 * time.Second
)

// stall makes the provider take requests and respond never or incompletely. Each request
// must end as 504 at the timeout, or at once if it exceeds maxInFlight. Afterwards the
// gateway must have room for as many requests as before.
func stall(ctx context.Context, e *env) (string, error) {
	e.upstreamOptions = fmt.Sprintf(", timeout: %s", stallTimeout)
	g, err := e.startGateway(ctx, "")
	if err != nil {
		return "", err
	}
	var stalls atomic.Int64 // 0: the provider responds
	e.provider.before = func(w http.ResponseWriter, r *http.Request) {
		if stalls.Load() > 0 {
			respondNever(w, stalls.Add(1))
		}
	}
	o := newOutcomes()
	rounds := e.scaled(4)
	for range rounds {
		stalls.Store(1)
		e.sendAtOnce(g, 600, o.redeem(true, false))
		stalls.Store(0)
		probe := e.newClients(1, g.data)[0]
		err = errors.Join(err, waitFor(ctx, "a response of the provider", func() bool { _, err := redeem(probe); return err == nil }))
		afterwards := newOutcomes()
		e.sendAtOnce(g, maxInFlight-100, afterwards.redeem(true, false))
		if n := afterwards.counts()["200"]; n != maxInFlight-100 {
			err = errors.Join(err, fmt.Errorf("afterwards %d requests ended as %v", maxInFlight-100, afterwards))
		}
	}
	n := o.counts()
	if n["504"] < rounds*maxInFlight/2 || n["504"]+n[notSent] != rounds*600 {
		err = errors.Join(err, fmt.Errorf("requests to a stalled provider ended as %v", o))
	}
	return fmt.Sprintf("%d times 600 at once: %s; afterwards %d at once were served", rounds, o, maxInFlight-100), errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// respondNever sends nothing, half a header or half a body, and waits until the
// connection is closed.
func respondNever(w http.ResponseWriter, n int64) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, []string{"", "HTTP/1.1 200 OK\r\nContent-Ty", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"}[n%3])
	_, _ = io.Copy(io.Discard, c)
	panic(http.ErrAbortHandler)
}

// sendAtOnce sends one request each from n clients at the same time.
func (e *env) sendAtOnce(g *gateway, n int, send request) {
	var all sync.WaitGroup
	for _, c := range e.newClients(n, g.data) {
		all.Go(func() {
			defer c.close()
			_, err := send(c)
			e.count(err)
		})
	}
	all.Wait()
}
