package submission

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
	// breakerLeast is how many outcomes say anything of the server.
	breakerLeast = 20
	// breakerPause is how long nothing is asked of a server that does not answer,
	// until one connection is tried.
	breakerPause = time.Second
	// refusedPause is that of a server that refuses connections: it says so at once,
	// so that trying costs nobody anything.
	refusedPause = 100 * time.Millisecond
)

// breaker keeps requests from a server that cannot be reached or does not answer
// in time, so that they are refused at once instead of waiting for nothing. What
// a server answers is never held against it: then a client could have it closed
// to all others. It is safe for concurrent use.
type breaker struct {
	mu               sync.Mutex
	began            time.Time // of the window
	outcomes, silent int       // in the window
	pause            time.Duration
	paused           time.Time // until then; zero: it is closed, requests go through
}

// admits reports whether a request may go to the server. A trial is one that goes
// after a pause: it has to connect anew, and only its connecting is the trial.
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

// connected closes it after a trial: the server takes connections again.
func (b *breaker) connected() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.began, b.outcomes, b.silent, b.paused = time.Time{}, 0, 0, time.Time{}
}

// count takes the outcome of a request.
func (b *breaker) count(err error) {
	// A client that went away says nothing of the server.
	if errors.Is(err, context.Canceled) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if now.Sub(b.began) > breakerWindow {
		b.began, b.outcomes, b.silent = now, 0, 0
	}
	b.outcomes++
	if isSilence(err) {
		b.silent++
		b.pause = pauseAfter(err)
	}
	if b.paused.IsZero() && b.outcomes >= breakerLeast && 2*b.silent >= b.outcomes {
		b.paused = now.Add(b.pause)
	}
}

func pauseAfter(silence error) time.Duration {
	if isTimeout(silence) {
		return breakerPause
	}
	return refusedPause
}

// isSilence reports whether a server could not be reached or did not answer in
// time.
func isSilence(err error) bool { return errors.Is(err, ErrUnreachable) || isTimeout(err) }

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
