package state

import (
	"context"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Capacities. Clients share that of claims, and none can use all of it.
const (
	maxBudgets         = 1 << 16 // about 200 bytes each
	maxClaims          = 1 << 18 // below 100 bytes each
	maxClaimsPerClient = 1 << 16
	maxSet             = 1 << 12 // keys of a Set
)

// Memory is a [Store] in this process. Its size is bounded.
type Memory struct {
	start  time.Time // times are durations since then, by the monotonic clock
	claims *claims

	mu   sync.Mutex
	full *simplelru.LRU[Key, time.Duration] // when each budget is full again
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	full, _ := simplelru.NewLRU[Key, time.Duration](maxBudgets, nil) // fails for sizes below 1 only
	c := &claims{live: map[shortKey]struct{}{}, expiring: map[int64][]claim{}, clients: map[string]*claimant{}}
	return &Memory{start: time.Now(), claims: c, full: full}
}

// Claim implements [Store].
func (m *Memory) Claim(_ context.Context, client string, id Key, d time.Duration) error {
	return m.claims.add(time.Since(m.start), client, id, d)
}

// Claims returns how many live ids are kept in this process.
func (m *Memory) Claims() int { return m.claims.count(time.Since(m.start)) }

// Debts implements [Store].
func (m *Memory) Debts(_ context.Context, keys ...Key) []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, debts := time.Since(m.start), make([]time.Duration, len(keys))
	for i, k := range keys {
		full, _ := m.full.Peek(k)
		debts[i] = max(0, full-now)
	}
	return debts
}

// Spend implements [Store].
func (m *Memory) Spend(_ context.Context, budgets ...Budget) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.start)
	for _, b := range budgets {
		full, _ := m.full.Get(b.Key)
		debt := max(0, full-now)
		if debt > b.Limit {
			return
		}
		m.full.Add(b.Key, now+debt+b.Cost)
	}
}

// Watch implements [Store]. Memory is always available.
func (*Memory) Watch(context.Context, *slog.Logger) {}

// Close implements [Store].
func (*Memory) Close() {}

// Set holds the keys that were added or looked up last.
type Set = lru.Cache[Key, struct{}]

// NewSet returns an empty Set.
func NewSet() *Set {
	set, _ := lru.New[Key, struct{}](maxSet) // fails for sizes below 1 only
	return set
}

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
