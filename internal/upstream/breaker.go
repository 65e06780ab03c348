package upstream

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// breakerThreshold is how many failures in a row open the breaker.
	breakerThreshold = 20
	// breakerTimeoutPause is how long it stays open after a timeout.
	breakerTimeoutPause = time.Second
	// breakerRefusedPause is how long it stays open after any other failure, which took no
	// time.
	breakerRefusedPause = 100 * time.Millisecond
)

// breaker refuses requests at once while connections fail, so that they do not wait for a
// timeout. It counts only failures to connect, TLS handshakes included: a client can cause
// slow and broken responses, and so could block all others. It is safe for concurrent use.
type breaker struct {
	mu        sync.Mutex
	failures  int // since the last success
	pause     time.Duration
	openUntil time.Time // zero: the breaker is closed
}

// allow reports whether a request may be sent. After a pause the breaker is half open: it
// allows one request, for which a new connection must be dialed.
func (b *breaker) allow() (allowed, halfOpen bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.openUntil.IsZero() {
		return true, false
	}
	now := time.Now()
	if now.Before(b.openUntil) {
		return false, false
	}
	b.openUntil = now.Add(b.pause)
	return true, true
}

// record records the result of dialing. A success closes the breaker.
func (b *breaker) record(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch timeout := net.Error(nil); {
	case err == nil:
		b.failures, b.openUntil = 0, time.Time{}
		return
	case errors.Is(err, context.Canceled):
		return // the client left
	case errors.As(err, &timeout) && timeout.Timeout():
		b.pause = breakerTimeoutPause
	default:
		b.pause = breakerRefusedPause
	}
	b.failures++
	if b.failures >= breakerThreshold && b.openUntil.IsZero() {
		b.openUntil = time.Now().Add(b.pause)
	}
}
