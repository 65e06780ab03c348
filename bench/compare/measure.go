package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// The clients of a closed loop, unless something else is said.
const clients = 64

// condition is under what contenders are measured.
type condition struct {
	work string // the workload's name
	rate int    // requests per second; 0: a closed loop, at saturation
	// connections are as many as clients keep, of which manyAtOnce have a request
	// under way. 0: those of clients, all at once.
	connections int
}

// rates are the fixed ones, at which tokens are asked for.
var rates = []int{500, 1000, 2000}

// results are the samples of each contender by condition, one a round.
type results struct {
	samples map[condition]map[string][]sample
	memory  map[string]int64 // held at most in the token exchanges at saturation, by contender
	does    string           // what each contender does, as a table
	own     *own             // nil: it was not measured
}

// of returns the samples of a contender, or nil.
func (r *results) of(work string, rate int, c *contender) []sample {
	return r.samples[condition{work: work, rate: rate}][c.name]
}

// compete measures all targets under a condition, in rounds, each in its turn, so
// that what disturbs the machine meets all of them.
func (r *results) compete(ctx context.Context, targets []target, at condition, rounds int, lasts time.Duration) error {
	got := map[string][]sample{}
	r.samples[at] = got
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "%s, %s, round %d of %d\n", at.work, at.pace(), round+1, rounds)
		for i := range targets {
			t := targets[(i+round)%len(targets)] // nobody is always behind the same
			s, err := t.perform(ctx, at, lasts)
			if err != nil {
				return err
			}
			got[t.name] = append(got[t.name], s)
		}
	}
	return nil
}

func (c condition) pace() string {
	if c.rate == 0 {
		return "at saturation"
	}
	return fmt.Sprintf("%d per second", c.rate)
}

// perform measures one target once, after a while of warming.
func (t target) perform(ctx context.Context, at condition, lasts time.Duration) (sample, error) {
	if ctx.Err() != nil {
		return sample{}, ctx.Err()
	}
	c, err := gather(t, workloadNamed(at.work), max(at.connections, clients))
	if err != nil {
		return sample{}, err
	}
	defer c.leave()
	if at.connections > 0 {
		c.atOnce = manyAtOnce
	}
	if _, err := c.closed(lasts / 8); err != nil {
		return sample{}, err
	}
	return measure(c, func() ([]time.Duration, error) {
		if at.rate > 0 {
			return c.open(lasts, at.rate)
		}
		return c.closed(lasts)
	})
}

// hold notes what the targets held at most.
func (r *results) hold(targets []target) error {
	for _, t := range targets {
		most, err := t.process.memory("VmHWM")
		if err != nil {
			return err
		}
		r.memory[t.name] = most
	}
	return nil
}

func workloadNamed(name string) workload {
	return workloads[slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })]
}
