package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// once sends single-use codes while the provider restarts, clients leave, and a second
// gateway replaces the first. No code may arrive twice, and each client's response must say
// what became of its code.
func once(ctx context.Context, e *env) (string, error) {
	first, err := e.startGateway(ctx, fmt.Sprintf("drain: {delay: %s}\n", drainDelay))
	if err != nil {
		return "", err
	}
	second, err := e.startGateway(ctx, "")
	if err != nil {
		return "", err
	}
	o := newOutcomes()
	clients := e.newClients(32, first.data)
	stop := e.startLoad(ctx, load{refusedPause: 20 * time.Millisecond,
		requests: []request{o.redeem(false, false), o.redeem(true, false), o.redeem(false, false), o.redeem(true, true)}}, clients)
	defer stop()
	restarts := e.scaled(100)
	for i := 0; i < restarts && err == nil; i++ {
		if i == restarts/2 {
			for _, c := range clients {
				c.address.Store(&second.data)
			}
			err = first.stop(ctx, syscall.SIGTERM)
		}
		pause(ctx, 300*time.Millisecond)
		err = errors.Join(err, e.provider.restart(ctx, time.Duration(i%3)*50*time.Millisecond))
		e.provider.resets = i%2 == 0
	}
	for e.provider.codes() < e.scaled(100_000) && ctx.Err() == nil {
		pause(ctx, time.Second)
	}
	stop()
	err = errors.Join(err, ctx.Err(), second.stop(ctx, syscall.SIGINT))
	text, compareErr := o.compare(e.provider)
	return fmt.Sprintf("%d restarts; %s", restarts, text), errors.Join(err, compareErr)
}
