package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// drainDelay is how long the gateway says that it is leaving.
const drainDelay = time.Second

// drain ends gateways under clients that keep connections and send POSTs, which
// nobody sends again. A client that finds nobody to connect to leaves; a request
// that was sent must be answered.
func drain(ctx context.Context, s *site) (string, error) {
	var err error
	var last atomic.Int64
	rounds := s.times(10)
	for range rounds {
		if err = s.drainOnce(ctx, &last); err != nil {
			break
		}
	}
	return fmt.Sprintf("%d ends, %d answers as the last on a connection, %d codes", rounds, last.Load(), s.provider.codes()), err
}

func (s *site) drainOnce(ctx context.Context, last *atomic.Int64) error {
	g, err := s.start(ctx, fmt.Sprintf("drain: {delay: %s}\n", drainDelay), nil)
	if err != nil {
		return err
	}
	var ending atomic.Bool
	left := func(err error) bool {
		var op *net.OpError
		return ending.Load() && errors.As(err, &op) && op.Op == "dial"
	}
	check := func(_ *client, r reply) error {
		if r.Close {
			last.Add(1)
		}
		return nil
	}
	// Some never pause, and some pause as long as their connections still live.
	eager := &load{tally: &s.tally, errands: []errand{redeem}, check: check, left: left}
	slow := &load{tally: &s.tally, errands: []errand{redeem}, check: check, left: left, pause: drainDelay / 2}
	clients := s.clients(32, g.data)
	eager.begin(ctx, clients[:16])
	slow.begin(ctx, clients[16:])
	if err := eager.warm(ctx, 1000); err != nil {
		return err
	}
	ending.Store(true)
	err = g.stop(ctx, syscall.SIGTERM)
	eager.wait()
	slow.wait()
	return err
}
