package admin

import (
	"slices"
	"sync"
	"time"

	"oauthgw/proxy"
)

// maxRefusals limits the refused requests in a [History].
const maxRefusals = 50

// History holds the latest decisions. The zero value is empty. It is safe for concurrent use.
type History struct {
	mu       sync.Mutex
	refusals []proxy.Decision // the latest first
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
	if d.Refused() {
		h.refusals = slices.Insert(h.refusals[:min(len(h.refusals), maxRefusals-1)], 0, d)
	}
}

func (h *History) latest() (refusals []proxy.Decision, answered time.Time, failed proxy.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.refusals), h.answered, h.failed
}
