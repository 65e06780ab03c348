package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// overload lets fifty times as many clients come for a while. What is served
// meanwhile and afterwards is compared with what was before.
func overload(ctx context.Context, s *site) (string, error) {
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	var h holding
	s.provider.before = h.takes(20 * time.Millisecond)
	a := &account{ends: map[string]string{}}
	served := func(clients int, d time.Duration) float64 {
		before, start := a.count("200"), time.Now()
		loading, enough := context.WithTimeout(ctx, d)
		defer enough()
		l := &load{tally: &s.tally, errands: []errand{a.redeems(false, false)}, pause: 5 * time.Millisecond, check: rest}
		l.begin(loading, s.clients(clients, g.data))
		l.wait()
		return float64(a.count("200")-before) / time.Since(start).Seconds()
	}
	before := served(32, s.during(10*time.Second))
	during := served(50*32, s.during(20*time.Second))
	after := served(32, s.during(10*time.Second))
	if during < before/2 || after < before/2 {
		err = fmt.Errorf("served %.0f in a second, then %.0f, then %.0f", before, during, after)
	}
	return fmt.Sprintf("served in a second: %.0f to 32 clients, %.0f to 1600 (%.0f %%), then %.0f to 32 (%.0f %%); %s",
		before, during, 100*during/before, after, 100*after/before, a.tell()), errors.Join(err, g.stop(ctx, syscall.SIGINT))
}
