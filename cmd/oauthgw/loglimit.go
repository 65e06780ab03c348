package main

import (
	"sync"
	"time"
)

// logLimit limits how often a log line is written that others can cause. It is safe for
// concurrent use.
type logLimit struct {
	every time.Duration

	mu         sync.Mutex
	next       time.Time
	suppressed int
}

// allow reports whether a line may be written now, and how many were not since the last
// one.
func (l *logLimit) allow() (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Before(l.next) {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed, l.next = l.suppressed, 0, now.Add(l.every)
	return suppressed, true
}
