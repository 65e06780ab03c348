package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// tally counts requests and those that failed. It is safe for concurrent use.
type tally struct {
	requests, failures atomic.Int64

	mu      sync.Mutex
	reasons []string // of the first failures
}

// fail counts a request that failed.
func (t *tally) fail(err error) {
	t.failures.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.reasons) < 10 {
		t.reasons = append(t.reasons, err.Error())
	}
}

// load is a closed loop of clients: each sends its next request when it has the
// answer to the one before, and after a pause.
type load struct {
	tally   *tally
	errands []errand
	// pause is the longest that a client thinks.
	pause time.Duration
	// check judges the reply to an errand that succeeded. Nil accepts it.
	check func(*client, reply) error
	// left reports whether an error means that there is nobody to ask any more.
	// Nil means never.
	left func(error) bool
	// keeps lets the clients keep their connections beyond the load.
	keeps bool

	running sync.WaitGroup
}

// begin lets clients run until ctx ends.
func (l *load) begin(ctx context.Context, clients []*client) {
	for i, c := range clients {
		l.running.Go(func() {
			if !l.keeps {
				defer c.close()
			}
			for n := i; ctx.Err() == nil; n++ {
				if !l.once(c, l.errands[n%len(l.errands)]) {
					return
				}
				time.Sleep(time.Duration(rand.Int64N(int64(l.pause) + 1)))
			}
		})
	}
}

// once runs one errand. It reports whether the client goes on.
func (l *load) once(c *client, e errand) bool {
	r, err := e(c)
	if err != nil && l.left != nil && l.left(err) {
		return false
	}
	l.tally.requests.Add(1)
	if err == nil && l.check != nil {
		err = l.check(c, r)
	}
	if err != nil {
		l.tally.fail(err)
	}
	return true
}

// wait waits until all clients are through.
func (l *load) wait() { l.running.Wait() }

// warm waits until the load has had a number of answers more.
func (l *load) warm(ctx context.Context, answers int64) error {
	goal := l.tally.requests.Load() + answers
	return await(ctx, fmt.Sprintf("%d answers", answers), func() bool { return l.tally.requests.Load() >= goal })
}
