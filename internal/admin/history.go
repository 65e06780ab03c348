package admin

import (
	"slices"
	"sync"
	"time"

	"oauthgw/proxy"
)

// maxRefusals limits the refused requests in a [History].
const maxRefusals = 50

// History holds the latest decisions about requests at fronted endpoints. The zero value is
// empty. It is safe for concurrent use.
type History struct {
	mu       sync.Mutex
	refusals []proxy.Decision // a ring once it is full
	next     int              // the index of the next refusal in the ring
	answered time.Time        // of the last response in which the provider judged a client
	failed   proxy.Decision   // the last request that failed at the provider
}

// Add adds a decision.
func (h *History) Add(d proxy.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case d.Failed():
		h.failed = d
	case d.Answered():
		h.answered = d.Time
	}
	switch {
	case !d.Refused():
	case len(h.refusals) < maxRefusals:
		h.refusals = append(h.refusals, d)
	default:
		h.refusals[h.next] = d
		h.next = (h.next + 1) % maxRefusals
	}
}

// latestRefusals returns the last refusals, the latest one first.
func (h *History) latestRefusals() []proxy.Decision {
	h.mu.Lock()
	defer h.mu.Unlock()
	latest := slices.Concat(h.refusals[h.next:], h.refusals[:h.next])
	slices.Reverse(latest)
	return latest
}

// upstream returns when the provider judged a client last, and the last request that failed
// there. What was before since does not count: it may have been another provider.
func (h *History) upstream(since time.Time) (answered time.Time, failed proxy.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.answered.Before(since) {
		answered = h.answered
	}
	if !h.failed.Time.Before(since) {
		failed = h.failed
	}
	return answered, failed
}
