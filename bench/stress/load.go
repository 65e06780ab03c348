package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load is a closed loop: each client sends its next request after the response to the
// one before and a pause.
type load struct {
	requests     []request
	maxPause     time.Duration
	refusedPause time.Duration // further pause after a 503
	keepConns    bool          // connections stay open when the load ends
	took         *latencies    // may be nil
	// isExpected reports whether an error is no failure. Nil: never.
	isExpected func(response, error) bool
}

// startLoad starts clients. stop ends them and waits for them; it may be called again.
func (e *env) startLoad(ctx context.Context, l load, clients []*client) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for i, c := range clients {
		running.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				start := time.Now()
				r, err := l.requests[n%len(l.requests)](c)
				l.took.add(time.Since(start))
				if err != nil && l.isExpected != nil && l.isExpected(r, err) {
					err = nil
				}
				e.count(err)
				time.Sleep(rand.N(l.maxPause + 1))
				if r.Response != nil && r.StatusCode == http.StatusServiceUnavailable {
					time.Sleep(l.refusedPause + rand.N(l.refusedPause+1))
				}
			}
			if !l.keepConns {
				c.close()
			}
		})
	}
	return func() { cancel(); running.Wait() }
}

// latencies are reported and decide nothing. They are safe for concurrent use.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// quantile returns a quantile as text.
func (l *latencies) quantile(q float64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return "none"
	}
	slices.Sort(l.all)
	return fmt.Sprintf("%.2f ms", l.all[int(q*float64(len(l.all)-1))].Seconds()*1000)
}
