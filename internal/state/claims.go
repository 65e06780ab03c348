package state

import (
	"sync"
	"time"
)

// Capacities of claims. Clients share the whole, and none can use all of it.
const (
	maxClaims          = 1 << 18 // below 100 bytes each
	maxClaimsPerClient = 1 << 16
)

// claims are the ids in use. A live one is never evicted, because its replay would pass.
type claims struct {
	mu       sync.Mutex
	live     map[shortKey]struct{}
	expiring map[int64][]claim // by the second after which they expire
	swept    int64             // expiring has no earlier second
	clients  map[string]*claimant
}

// shortKey is half a [Key], to save memory. Nobody finds two keys with equal halves.
type shortKey [16]byte

type claim struct {
	id     shortKey
	client *claimant
}

type claimant struct {
	name string
	live int
}

func newClaims() *claims {
	return &claims{live: map[shortKey]struct{}{}, expiring: map[int64][]claim{}, clients: map[string]*claimant{}}
}

func (c *claims) add(now time.Duration, client string, id Key, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep(now)
	short := shortKey(id[:])
	if _, ok := c.live[short]; ok {
		return ErrUsed
	}
	from := c.clients[client]
	if from == nil {
		from = &claimant{name: client}
	}
	if len(c.live) >= maxClaims || from.live >= maxClaimsPerClient {
		return ErrFull
	}
	c.clients[client] = from
	from.live++
	c.live[short] = struct{}{}
	second := second(now + max(d, 0))
	c.expiring[second] = append(c.expiring[second], claim{short, from})
	return nil
}

func (c *claims) count(now time.Duration) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep(now)
	return len(c.live)
}

// sweep removes the expired ids. The lock must be held.
func (c *claims) sweep(now time.Duration) {
	for ; c.swept < second(now) && len(c.expiring) > 0; c.swept++ {
		for _, expired := range c.expiring[c.swept] {
			delete(c.live, expired.id)
			if expired.client.live--; expired.client.live == 0 {
				delete(c.clients, expired.client.name)
			}
		}
		delete(c.expiring, c.swept)
	}
	c.swept = second(now)
}

func second(d time.Duration) int64 { return int64(d / time.Second) }
