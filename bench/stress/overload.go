package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// overload lets ten times as many clients come for a while. What is served
// meanwhile and afterwards is compared with what was before.
func overload(ctx context.Context, s *site) (string, error) {
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	var h holding
	s.provider.before = h.takes(2 * time.Second)
	a := &account{ends: map[string]string{}}
	served := func(clients int, d time.Duration) float64 {
		before, start := a.count("200"), time.Now()
		loading, enough := context.WithTimeout(ctx, d)
		defer enough()
		l := &load{tally: &s.tally, errands: []errand{a.redeems(false, false)}, pause: 5 * time.Millisecond, check: rest(retryAfter)}
		l.begin(loading, s.clients(clients, g.data))
		l.wait()
		return float64(a.count("200")-before) / time.Since(start).Seconds()
	}
	before := served(300, s.during(15*time.Second))
	during := served(3000, s.during(30*time.Second))
	after := served(300, s.during(15*time.Second))
	if during < .7*before || after < .7*before {
		err = fmt.Errorf("served %.0f in a second, then %.0f, then %.0f", before, during, after)
	}
	return fmt.Sprintf("served in a second: %.0f to 300 clients, %.0f to 3000 (%.0f %%), then %.0f to 300 (%.0f %%); %s",
		before, during, 100*during/before, after, 100*after/before, a.tell()), errors.Join(err, g.stop(ctx, syscall.SIGINT))
}
