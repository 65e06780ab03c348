package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// kill ends gateways without warning and starts the next at the same address. It
// must serve, whatever the one before has left.
func kill(ctx context.Context, s *site) (string, error) {
	if err := s.settle(); err != nil {
		return "", err
	}
	var ready spans
	a := &account{ends: map[string]string{}}
	times := s.times(50)
	for range times {
		start := time.Now()
		g, err := s.start(ctx, "", nil)
		if err != nil {
			return "", err
		}
		probe := s.clients(1, g.data)[0]
		if _, err := redeem(probe); err != nil {
			return "", fmt.Errorf("the first request: %w", err)
		}
		probe.close()
		ready.add(time.Since(start))
		a.until(ctx, s, g)
	}
	return fmt.Sprintf("%d kills; the first answer after a start within %s, half within %s; %s",
		times, short(ready.quantile(1)), short(ready.quantile(.5)), a.tell()), ctx.Err()
}

// until lets clients use a gateway until it is killed. What it did not answer is
// no failure.
func (a *account) until(ctx context.Context, s *site, g *gateway) {
	loading, enough := context.WithCancel(ctx)
	defer enough()
	unanswered := func(error) bool { return true }
	l := &load{tally: &s.tally, errands: []errand{a.redeems(true, false)}, left: unanswered}
	l.begin(loading, s.clients(16, g.data))
	pause(ctx, 200*time.Millisecond)
	_ = g.signal(syscall.SIGKILL)
	<-g.ended
	l.wait()
}

// full starts a gateway whose log is a device that is full. No request may fail,
// and each line is counted as dropped.
func full(ctx context.Context, s *site) (string, error) {
	if err := s.settle(); err != nil {
		return "", err
	}
	g, err := s.start(ctx, "", toFullDevice)
	if err != nil {
		return "", err
	}
	loading, enough := context.WithCancel(ctx)
	l := &load{tally: &s.tally, errands: []errand{redeem, guess}}
	l.begin(loading, s.clients(32, g.data))
	err = l.warm(ctx, int64(s.times(20_000)))
	enough()
	l.wait()
	exchanges := s.tally.requests.Load()
	var dropped int64
	err = errors.Join(err, await(ctx, "each line to be counted as dropped", func() bool {
		n, err := g.dropped()
		dropped = n
		return err == nil && n >= exchanges
	}))
	return fmt.Sprintf("%d lines dropped, %d codes", dropped, s.provider.codes()), errors.Join(err, g.stop(ctx, syscall.SIGTERM))
}
