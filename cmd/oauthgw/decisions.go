package main

import (
	"slices"
	"sync"
	"time"

	"oauthgw/proxy"
)

// keptRefusals bounds the refusals that are remembered.
const keptRefusals = 50

// decisions are what is remembered of the exchanges at fronted endpoints, under
// whatever configuration. The zero value remembers none yet, and nil never any.
// It is safe for concurrent use.
type decisions struct {
	mu       sync.Mutex
	refusals []proxy.Decision // a ring once it is full
	next     int              // where the next one goes in the ring
	answered time.Time        // when the provider last judged a client
	failed   proxy.Decision   // the last exchange that failed at the provider
}

func (r *decisions) add(d proxy.Decision) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case d.Failed():
		r.failed = d
	case d.Answered():
		r.answered = d.Time
	}
	switch {
	case !d.Refused():
	case len(r.refusals) < keptRefusals:
		r.refusals = append(r.refusals, d)
	default:
		r.refusals[r.next] = d
		r.next = (r.next + 1) % keptRefusals
	}
}

// latestRefusals returns the last refusals, the latest first.
func (r *decisions) latestRefusals() []proxy.Decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	latest := slices.Concat(r.refusals[r.next:], r.refusals[:r.next])
	slices.Reverse(latest)
	return latest
}

// provider returns when the provider last judged a client, and the last
// exchange that failed there, since a time: before it may have been another
// provider. Zero means never.
func (r *decisions) provider(since time.Time) (answered time.Time, failed proxy.Decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.answered.Before(since) {
		answered = r.answered
	}
	if !r.failed.Time.Before(since) {
		failed = r.failed
	}
	return answered, failed
}
