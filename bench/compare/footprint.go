package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// The numbers of clients beside the usual.
const (
	idleClients   = 1000
	manyClients   = 1024
	manyAtOnce    = 256    // of these; at 512 the gateway begins to refuse
	strangers     = 20_032 // that one gateway has seen and another has not
	eachStrangers = strangers / clients
)

// own is what is measured of the gateway alone.
type own struct {
	resident spread // MiB held after the start and a load
	idle     spread // KiB held more by a connection that waits
	crowded  spread // processor time per request at many connections, as a multiple
	seen     spread // the same after many clients
	requests int    // of these
}

// examine measures gateways that were just started, each alone.
func examine(ctx context.Context, b *bed, o options) (*own, error) {
	var resident, idle []float64
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "memory, round %d of %d\n", round+1, o.rounds)
		for measured, kept := range map[*[]float64]func(target) (float64, error){
			&resident: func(t target) (float64, error) { return t.resident(o.lasts) },
			&idle:     target.idle,
		} {
			t, err := another(ctx, b)
			if err != nil {
				return nil, err
			}
			n, err := kept(t)
			t.process.stop()
			if err != nil {
				return nil, err
			}
			*measured = append(*measured, n)
		}
	}
	found := &own{resident: summary(resident), idle: summary(idle)}
	if err := found.crowd(ctx, b, o); err != nil {
		return nil, err
	}
	return found, found.age(ctx, b, o)
}

// another starts a gateway.
func another(ctx context.Context, b *bed) (target, error) {
	p, err := startGateway(b)
	if err != nil {
		return target{}, err
	}
	return target{oauthgw, p}, p.await(ctx, func() error { return ask(workloads[0], oauthgw, p.address) })
}

// resident returns how many MiB are held after a load.
func (t target) resident(lasts time.Duration) (float64, error) {
	c, err := gather(t, workloads[0], clients)
	if err != nil {
		return 0, err
	}
	defer c.leave()
	if _, err := c.closed(2 * lasts); err != nil {
		return 0, err
	}
	now, err := t.process.memory("VmRSS")
	return float64(now) / (1 << 20), err
}

// idle returns how many KiB are held more for each connection that was used once
// and waits, than after as many requests on one.
func (t target) idle() (float64, error) {
	one, err := gather(t, workloads[0], 1)
	if err != nil {
		return 0, err
	}
	defer one.leave()
	if err := one.ask(idleClients); err != nil {
		return 0, err
	}
	before, err := t.process.memory("VmRSS")
	if err != nil {
		return 0, err
	}
	many, err := gather(t, workloads[0], idleClients)
	if err != nil {
		return 0, err
	}
	defer many.leave()
	if err := many.ask(idleClients); err != nil {
		return 0, err
	}
	now, err := t.process.memory("VmRSS")
	return float64(now-before) / (1 << 10) / idleClients, err
}

// ask sends a number of requests, one after the other, each on the next
// connection.
func (c *crowd) ask(requests int) error {
	for n := range requests {
		if err := c.once(c.wires[n%len(c.wires)], c.work.request(c.contender, n)); err != nil {
			return err
		}
	}
	return nil
}

// crowd compares many connections with the usual number, in turns.
func (found *own) crowd(ctx context.Context, b *bed, o options) error {
	t, err := another(ctx, b)
	if err != nil {
		return err
	}
	defer t.process.stop()
	found.crowded, err = inTurns(o, "connections", func(many bool) (sample, error) {
		at := condition{work: "token"}
		if many {
			at.connections = manyClients
		}
		return t.perform(ctx, at, o.lasts)
	})
	return err
}

// age compares a gateway that has seen many clients with one that has not.
func (found *own) age(ctx context.Context, b *bed, o options) error {
	young, err := another(ctx, b)
	if err != nil {
		return err
	}
	defer young.process.stop()
	old, err := another(ctx, b)
	if err != nil {
		return err
	}
	defer old.process.stop()
	c, err := gather(old, workloads[0], clients)
	if err != nil {
		return err
	}
	c.distinct = eachStrangers
	took, err := c.closed(10 * o.lasts)
	c.leave()
	if err != nil {
		return err
	}
	if found.requests = len(took); found.requests < strangers {
		fmt.Fprintf(os.Stderr, "only %d of %d clients were seen: -lasts is short\n", found.requests, strangers)
	}
	found.seen, err = inTurns(o, "age", func(aged bool) (sample, error) {
		t := young
		if aged {
			t = old
		}
		return t.perform(ctx, condition{work: "token"}, o.lasts)
	})
	return err
}

// inTurns measures twice a round and returns the ratio of the processor times: of
// true to false.
func inTurns(o options, what string, measured func(bool) (sample, error)) (spread, error) {
	var got [2][]sample
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "%s, round %d of %d\n", what, round+1, o.rounds)
		for i := range got {
			at := (i + round) % len(got)
			s, err := measured(at == 1)
			if err != nil {
				return spread{}, err
			}
			got[at] = append(got[at], s)
		}
	}
	return compared(got[1], got[0], cpuRatio), nil
}
