package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// spans are how long answers took. They are told, and never judged. It is safe
// for concurrent use.
type spans struct {
	mu  sync.Mutex
	all []time.Duration
}

// of returns an errand that is timed.
func (s *spans) of(e errand) errand {
	return func(c *client) (reply, error) {
		start := time.Now()
		r, err := e(c)
		s.add(time.Since(start))
		return r, err
	}
}

func (s *spans) add(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d)
}

// quantile returns how long that part of the answers took at most.
func (s *spans) quantile(part float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return 0
	}
	slices.Sort(s.all)
	return s.all[int(part*float64(len(s.all)-1))]
}

// against writes the 99th percentile beside that of a calm time.
func (s *spans) against(calm *spans) string {
	a, b := calm.quantile(.99), s.quantile(.99)
	return fmt.Sprintf("p99 %s, %s before (%.1f×)", short(b), short(a), float64(b)/float64(max(a, 1)))
}

// short writes a time with three digits.
func short(d time.Duration) string {
	for unit := time.Second; unit >= time.Microsecond; unit /= 10 {
		if d >= unit {
			return d.Round(unit / 100).String()
		}
	}
	return d.String()
}
