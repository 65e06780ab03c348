package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// once sends single-use codes while the provider is killed and connections to it
// break, while clients leave and beg for repetition, and while one gateway takes
// over from another. No code may come twice, and no client may be told an
// untruth about its own.
func once(ctx context.Context, s *site) (string, error) {
	m := &mortal{address: "127.0.0.1:0", ledger: s.file("ledger")}
	if err := m.start(ctx); err != nil {
		return "", err
	}
	defer func() { m.kill() }()
	between, err := newRelay(m.address)
	if err != nil {
		return "", err
	}
	defer between.Close()
	s.upstream = "http://" + m.address
	killed, err := s.start(ctx, fmt.Sprintf("drain: {delay: %s}\n", drainDelay), nil)
	if err != nil {
		return "", err
	}
	s.upstream = "http://" + between.Addr().String()
	severed, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	a := &account{ends: map[string]string{}}
	var at atomic.Value
	at.Store(killed.data)
	enough := a.begin(ctx, s, &at)
	kills, resets := s.times(50), 0
	steps := []func() error{
		func() error { return m.dieAndRise(ctx, kills) },
		func() error { at.Store(severed.data); return killed.stop(ctx, syscall.SIGTERM) },
		func() error { resets, err = between.breakOften(ctx, s.times(50)); return err },
		func() error { return s.reaches(ctx, m, s.times(100_000)) },
	}
	for _, step := range steps {
		if err = step(); err != nil {
			break
		}
	}
	enough()
	err = errors.Join(err, severed.stop(ctx, syscall.SIGINT))
	seen, seenErr := m.seen()
	text, auditErr := a.audit(seen)
	return fmt.Sprintf("%d kills, %d connections broken, a take-over; %s", kills, resets, text), errors.Join(err, seenErr, auditErr)
}

// begin lets clients of all kinds send codes to the gateway that is at an address
// at the time. What it returns ends them.
func (a *account) begin(ctx context.Context, s *site, at *atomic.Value) (enough func()) {
	loading, cancel := context.WithCancel(ctx)
	address := func() string { return at.Load().(string) }
	var loads []*load
	for i := range 8 {
		l := &load{tally: &s.tally, errands: []errand{a.redeems(i%2 == 1, i == 7)}, check: rest(20 * time.Millisecond)}
		var clients []*client
		for _, c := range s.clients(4, "") {
			clients = append(clients, clientOf(c.id, address, nil))
		}
		l.begin(loading, clients)
		loads = append(loads, l)
	}
	return func() {
		cancel()
		for _, l := range loads {
			l.wait()
		}
	}
}

// rest lets a client that was refused at once wait for a while.
func rest(d time.Duration) func(*client, reply) error {
	return func(_ *client, r reply) error {
		if r.Response != nil && r.StatusCode == http.StatusServiceUnavailable {
			time.Sleep(d + rand.N(d))
		}
		return nil
	}
}

// dieAndRise kills the provider and starts it again.
func (m *mortal) dieAndRise(ctx context.Context, kills int) error {
	for i := range kills {
		pause(ctx, 500*time.Millisecond)
		m.kill()
		pause(ctx, time.Duration(i%5)*50*time.Millisecond)
		if err := m.start(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// breakOften breaks all connections: each time with resets, and as often again in
// good order. It returns how many.
func (r *relay) breakOften(ctx context.Context, times int) (int, error) {
	broken := 0
	for i := range 2 * times {
		pause(ctx, 200*time.Millisecond)
		broken += r.sever(i%2 == 0)
	}
	return broken, ctx.Err()
}

// reaches waits until the provider has seen a number of codes.
func (s *site) reaches(ctx context.Context, m *mortal, codes int) error {
	for ctx.Err() == nil {
		seen, err := m.seen()
		if err != nil || len(seen) >= codes {
			return err
		}
		pause(ctx, time.Second)
	}
	return ctx.Err()
}

// pause waits, but not beyond ctx.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
