package main

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// rate is the number of requests per second, whether or not earlier ones have ended.
const rate = 1000

// steady sends requests on a schedule. A latency starts when the request was due, so it
// includes the wait for a free client.
func steady(ctx context.Context, e *env) (string, error) {
	g, err := e.startGateway(ctx, "")
	if err != nil {
		return "", err
	}
	due := make(chan time.Time, rate)
	var took latencies
	var running sync.WaitGroup
	for _, c := range e.newClients(64, g.data) {
		running.Go(func() {
			defer c.close()
			for at := range due {
				_, err := redeem(c)
				took.add(time.Since(at))
				e.count(err)
			}
		})
	}
	start, seconds := time.Now(), e.scaled(30)
	for i := 0; i < rate*seconds && ctx.Err() == nil; i++ {
		at := start.Add(time.Duration(i) * time.Second / rate)
		time.Sleep(time.Until(at))
		due <- at
	}
	close(due)
	running.Wait()
	return fmt.Sprintf("%d s, %d codes; p50 %s, p99 %s, p99.9 %s", seconds, e.provider.codes(),
		took.quantile(.5), took.quantile(.99), took.quantile(.999)), g.stop(ctx, syscall.SIGINT)
}
