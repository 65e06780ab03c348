package upstream

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// breakerWindow is how long outcomes are counted together.
	breakerWindow = 10 * time.Second
	// breakerLeast is the smallest number of outcomes that opens the breaker.
	breakerLeast = 20
	// breakerPause is how long an open breaker refuses requests to a server that
	// lets connecting time out, until one connection is tried.
	breakerPause = time.Second
	// refusedPause is that of a server that refuses connections. The refusal is
	// immediate, so a trial costs no time.
	refusedPause = 100 * time.Millisecond
)

// breaker refuses requests at once while connecting to the server fails, so that
// they do not wait for the timeout. Only connecting counts, the TLS handshake
// included. A client can make a server respond slowly, badly or not at all, and
// so could open the breaker for all others. It is safe for concurrent use.
type breaker struct {
	mu               sync.Mutex
	began            time.Time // of the window
	outcomes, failed int       // in the window
	pause            time.Duration
	paused           time.Time // until then; zero: it is closed, requests go through
}

// admits reports whether a request may go to the server. A trial is one that goes
// after a pause: it has to open a connection, and only connecting is the trial.
func (b *breaker) admits() (ok, trial bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paused.IsZero() {
		return true, false
	}
	now := time.Now()
	if now.Before(b.paused) {
		return false, false
	}
	b.paused = now.Add(b.pause) // for everyone else
	return true, true
}

// connected closes the breaker after a trial: the server accepts connections
// again.
func (b *breaker) connected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.began, b.outcomes, b.failed, b.paused = time.Time{}, 0, 0, time.Time{}
}

// count records whether a request got a connection. Nil means that it did.
func (b *breaker) count(err error) {
	// The client left, which says nothing about the server.
	if errors.Is(err, context.Canceled) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.began) > breakerWindow {
		b.began, b.outcomes, b.failed = now, 0, 0
	}
	b.outcomes++
	if err != nil {
		b.failed++
		b.pause = pauseAfter(err)
	}
	if b.paused.IsZero() && b.outcomes >= breakerLeast && 2*b.failed >= b.outcomes {
		b.paused = now.Add(b.pause)
	}
}

func pauseAfter(failure error) time.Duration {
	var timeout net.Error
	if errors.As(failure, &timeout) && timeout.Timeout() {
		return breakerPause
	}
	return refusedPause
}
