package logging

import (
	"sync"
	"time"
)

// Limit limits how often a log line that others can cause is written. It is safe for
// concurrent use.
type Limit struct {
	Every time.Duration // the shortest time between two lines

	mu         sync.Mutex
	next       time.Time
	suppressed int
}

// Allow reports whether a line may be written now, and how many were suppressed since the
// last one.
func (l *Limit) Allow() (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Before(l.next) {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed, l.next = l.suppressed, 0, now.Add(l.Every)
	return suppressed, true
}
