// Package state keeps what outlives a request and what replicas should agree on: the ids of
// used client assertions and failed authentications, in memory or in Redis.
//
// Its files:
//
//	state.go     what is kept, and the errors
//	memory.go    keeps it in this process
//	redis.go     shares it through Redis, over the connections of conn.go
package state

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"
)

// Key identifies a used id or a budget by a hash, so that its size does not depend on what a client
// sends, and Redis holds no client id, address or secret.
type Key [sha256.Size]byte

// NewKey hashes the parts, separated by NUL. No part but the last may contain a NUL.
func NewKey(parts ...string) Key {
	text := make([]byte, 0, 256) // on the stack, unless the parts are longer
	for i, part := range parts {
		if i > 0 {
			text = append(text, 0)
		}
		text = append(text, part...)
	}
	return sha256.Sum256(text)
}

// Budget allows a number of events and refills over time. Its debt is the time until it is full.
type Budget struct {
	Key   Key
	Cost  time.Duration // by which an event increases the debt; positive
	Limit time.Duration // a larger debt is not increased
}

// Store is [*Memory] or [*Redis]. It is safe for concurrent use.
type Store interface {
	// UseOnce records for some time that a client has used an id. The time includes the difference
	// between the clocks of replicas. The error is nil for the first call with the id in that time,
	// [ErrUsed] for later ones, or [ErrFull] or [ErrUnavailable].
	UseOnce(ctx context.Context, client string, id Key, d time.Duration) error
	// Debts returns the debt of each budget. That of an unknown one is zero.
	Debts(ctx context.Context, keys ...Key) []time.Duration
	// Spend adds the cost to the debt of each budget in turn, up to the first one whose debt
	// exceeds its limit.
	Spend(ctx context.Context, budgets ...Budget)
	// Watch checks the store and logs when it becomes unavailable or available, until ctx ends.
	Watch(ctx context.Context, log *slog.Logger)
	// Close closes the connections.
	Close()
}

// The errors of [Store.UseOnce].
var (
	ErrUsed        = errors.New("state: the id was used already")
	ErrFull        = errors.New("state: too many live ids to remember another one")
	ErrUnavailable = errors.New("state: Redis is unavailable")
)
