package wellknown

import (
	"context"
	"time"
)

const (
	// outsideFetches bounds the fetches under way outside the issuer's own
	// locations. Each holds a connection to the provider.
	outsideFetches = 16
	// outsideWaiting bounds the fetches that wait for one of those to end. Each
	// holds a goroutine, also after its callers have left.
	outsideWaiting = 256
)

// outside bounds the fetches for locations that callers choose: they can make up
// any number, and a fetch outlives its callers. A fetch beyond the bound waits
// for fetchTimeout at most, and is refused at once if too many wait. It is safe
// for concurrent use.
type outside struct{ fetching, waiting chan struct{} }

func newOutside() outside {
	return outside{make(chan struct{}, outsideFetches), make(chan struct{}, outsideWaiting)}
}

// enter waits until a fetch may begin, which must leave at its end.
func (o outside) enter(ctx context.Context) error {
	select {
	case o.fetching <- struct{}{}:
		return nil
	default:
	}
	select {
	case o.waiting <- struct{}{}:
		defer func() { <-o.waiting }()
	default:
		return errTooMany
	}
	patience := time.NewTimer(fetchTimeout)
	defer patience.Stop()
	select {
	case o.fetching <- struct{}{}:
		return nil
	case <-patience.C:
		return errTooMany
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o outside) leave() { <-o.fetching }
