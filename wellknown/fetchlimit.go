package wellknown

import (
	"context"

	"golang.org/x/sync/semaphore"
)

const (
	// maxFetches limits the concurrent fetches outside the issuer's locations. Each
	// holds a connection to the provider.
	maxFetches = 16
	// maxPending limits those and the ones that wait for them. Each holds a goroutine,
	// even after its clients have left.
	maxPending = maxFetches + 256
)

// fetchLimiter limits the fetches for locations that clients choose: they can make up
// any number, and a fetch outlives its clients. It is safe for concurrent use.
type fetchLimiter struct{ running, pending *semaphore.Weighted }

func newFetchLimiter() fetchLimiter {
	return fetchLimiter{semaphore.NewWeighted(maxFetches), semaphore.NewWeighted(maxPending)}
}

// acquire waits at most fetchTimeout until a fetch may start, and fails at once if too
// many are waiting.
func (l fetchLimiter) acquire(ctx context.Context) error {
	if !l.pending.TryAcquire(1) {
		return errTooMany
	}
	waiting, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	if l.running.Acquire(waiting, 1) != nil {
		l.pending.Release(1)
		return errTooMany
	}
	return nil
}

func (l fetchLimiter) release() {
	l.running.Release(1)
	l.pending.Release(1)
}
