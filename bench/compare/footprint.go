package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

const (
	idleConnections = 1000
	seenClients     = 20_000
)

// footprint is how the gateway's resources grow with its load, measured without others.
type footprint struct {
	idle spread // KiB for each idle connection
	many spread // CPU time per request with many connections, relative to the usual number
	seen spread // CPU time per request after many clients, relative to a new process
}

func (o options) measureFootprint(ctx context.Context, f *fixture) (p footprint, err error) {
	if p.idle, err = o.measureIdle(ctx, f); err != nil {
		return p, err
	}
	gateways, err := f.startEach(ctx, oauthgw, oauthgw)
	if err != nil {
		return p, err
	}
	young, old := gateways[0], gateways[1]
	c, err := sendInTurn(old, usualConnections, seenClients)
	if err != nil {
		return p, err
	}
	c.close()
	usual, many := saturation(token), scenario{token, manyConnections, 0}
	samples, err := o.takeTurns(ctx, turn{young, usual}, turn{old, usual}, turn{young, many})
	if err != nil {
		return p, err
	}
	p.seen = spreadByRound(samples[1], samples[0], cpuRatio)
	p.many = spreadByRound(samples[2], samples[0], cpuRatio)
	return p, nil
}

// measureIdle compares connections that sent one request each with one connection that
// sent as many. It measures a new gateway in each round.
func (o options) measureIdle(ctx context.Context, f *fixture) (spread, error) {
	kib := make([]float64, o.rounds)
	for round := range kib {
		fmt.Fprintf(os.Stderr, "idle connections, round %d of %d\n", round+1, o.rounds)
		gateway, err := f.start(ctx, oauthgw)
		if err != nil {
			return spread{}, err
		}
		one, err := sendInTurn(gateway, 1, idleConnections)
		if err != nil {
			return spread{}, err
		}
		before, beforeErr := gateway.usage()
		many, err := sendInTurn(gateway, idleConnections, idleConnections)
		if err != nil {
			return spread{}, err
		}
		after, err := gateway.usage()
		if err := errors.Join(beforeErr, err); err != nil {
			return spread{}, err
		}
		kib[round] = (after.resident - before.resident) * 1024 / idleConnections
		one.close()
		many.close()
		gateway.stop()
	}
	return spreadOf(kib), nil
}
