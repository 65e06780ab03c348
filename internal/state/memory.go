package state

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Capacities of the two LRU caches.
const (
	maxBudgets = 1 << 16 // about 200 bytes each
	maxSecrets = 1 << 12
)

// Memory is a [Store] in this process. Its size is bounded.
type Memory struct {
	start  time.Time // times are durations since then, by the monotonic clock
	claims *claims

	mu         sync.Mutex
	full       *simplelru.LRU[Key, time.Duration] // when each budget is full again
	remembered *simplelru.LRU[Key, struct{}]
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	full, _ := simplelru.NewLRU[Key, time.Duration](maxBudgets, nil) // fails for sizes below 1 only
	remembered, _ := simplelru.NewLRU[Key, struct{}](maxSecrets, nil)
	return &Memory{start: time.Now(), claims: newClaims(), full: full, remembered: remembered}
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

// Remember implements [Store].
func (m *Memory) Remember(k Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remembered.Add(k, struct{}{})
}

// Forget implements [Store].
func (m *Memory) Forget(k Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remembered.Remove(k)
}

// Knows implements [Store].
func (m *Memory) Knows(k Key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.remembered.Get(k)
	return ok
}

// Watch implements [Store]. Memory is always available.
func (*Memory) Watch(context.Context, *slog.Logger) {}

// Close implements [Store].
func (*Memory) Close() {}
