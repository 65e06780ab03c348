package state

import (
	"context"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Capacities. Clients share that of used ids, and none can use all of it.
const (
	maxBudgets       = 1 << 16 // about 200 bytes each
	maxUsed          = 1 << 18 // below 100 bytes each
	maxUsedPerClient = 1 << 16
	maxSet           = 1 << 12 // keys of a Set
)

// Memory is a [Store] in this process. Its size is bounded.
type Memory struct {
	start time.Time // times are durations since then, by the monotonic clock
	used  *usedIDs

	mu   sync.Mutex
	full *simplelru.LRU[Key, time.Duration] // when each budget is full again
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	full, _ := simplelru.NewLRU[Key, time.Duration](maxBudgets, nil) // fails for sizes below 1 only
	used := &usedIDs{live: map[shortKey]struct{}{}, expiring: map[int64][]usedID{}, clients: map[string]*owner{}}
	return &Memory{start: time.Now(), used: used, full: full}
}

// UseOnce implements [Store].
func (m *Memory) UseOnce(_ context.Context, client string, id Key, d time.Duration) error {
	return m.used.add(time.Since(m.start), client, id, d)
}

// UsedIDs returns how many used ids are kept in this process.
func (m *Memory) UsedIDs() int { return m.used.count(time.Since(m.start)) }

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

// usedIDs are the ids that were used, until they expire. None is evicted earlier, because its replay would pass.
type usedIDs struct {
	mu       sync.Mutex
	live     map[shortKey]struct{}
	expiring map[int64][]usedID // by the second after which they expire
	swept    int64              // expiring has no earlier second
	clients  map[string]*owner
}

// shortKey is half a [Key], to save memory. Two keys with equal halves cannot be found.
type shortKey [16]byte

type usedID struct {
	id     shortKey
	client *owner
}

type owner struct {
	name string
	live int
}

func (u *usedIDs) add(now time.Duration, client string, id Key, d time.Duration) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(now)
	short := shortKey(id[:])
	if _, ok := u.live[short]; ok {
		return ErrUsed
	}
	from := u.clients[client]
	if from == nil {
		from = &owner{name: client}
	}
	if len(u.live) >= maxUsed || from.live >= maxUsedPerClient {
		return ErrFull
	}
	u.clients[client] = from
	from.live++
	u.live[short] = struct{}{}
	second := second(now + max(d, 0))
	u.expiring[second] = append(u.expiring[second], usedID{short, from})
	return nil
}

func (u *usedIDs) count(now time.Duration) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sweep(now)
	return len(u.live)
}

// sweep removes the expired ids. The lock must be held.
func (u *usedIDs) sweep(now time.Duration) {
	for ; u.swept < second(now) && len(u.expiring) > 0; u.swept++ {
		for _, expired := range u.expiring[u.swept] {
			delete(u.live, expired.id)
			if expired.client.live--; expired.client.live == 0 {
				delete(u.clients, expired.client.name)
			}
		}
		delete(u.expiring, u.swept)
	}
	u.swept = second(now)
}

func second(d time.Duration) int64 { return int64(d / time.Second) }
