package wellknown

import (
	"context"

	"golang.org/x/sync/semaphore"
)

const (
	maxFetches = 16               // at once; each holds a connection
	maxPending = maxFetches + 256 // with those that wait; each holds a goroutine
)

// limiter limits the fetches for locations that clients choose: they can make up any
// number, and a fetch outlives its clients.
type limiter struct{ running, pending *semaphore.Weighted }

func newLimiter() limiter {
	return limiter{semaphore.NewWeighted(maxFetches), semaphore.NewWeighted(maxPending)}
}

// acquire waits until a fetch may start. It fails at once if too many are waiting.
func (l limiter) acquire(ctx context.Context) error {
	if !l.pending.TryAcquire(1) {
		return errTooMany
	}
	if l.running.Acquire(ctx, 1) != nil {
		l.pending.Release(1)
		return errTooMany
	}
	return nil
}

func (l limiter) release() {
	l.running.Release(1)
	l.pending.Release(1)
}
