package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

const (
	usualConnections = 64
	manyConnections  = 1024
)

// rates are the fixed rates of token requests per second.
var rates = []int{500, 1000, 2000}

// scenario is how a process is measured.
type scenario struct {
	workload    *workload
	connections int
	rate        int // requests per second; 0: closed loop, at saturation
}

func (s scenario) String() string {
	if s.rate > 0 {
		return fmt.Sprintf("%s at %d/s", s.workload.name, s.rate)
	}
	return fmt.Sprintf("%s at saturation of %d connections", s.workload.name, s.connections)
}

// saturation is the scenario of a workload in a closed loop.
func saturation(w *workload) scenario { return scenario{w, usualConnections, 0} }

// oneConnection is the scenario of token requests one after the other.
var oneConnection = scenario{token, 1, 0}

// tokenAt is the scenario of token requests at a fixed rate.
func tokenAt(rate int) scenario { return scenario{token, usualConnections, rate} }

// sample is the result of one turn.
type sample struct {
	cpu      float64 // microseconds of the process per request
	rate     float64 // requests per second
	p50, p99 float64 // milliseconds
	resident float64 // MiB at the end
}

// turn is a process and how it is measured.
type turn struct {
	*process
	scenario
}

// takeTurns measures in rounds, so that a disturbance of the machine affects all turns.
// It returns the samples of each turn, one a round.
func (o options) takeTurns(ctx context.Context, turns ...turn) ([][]sample, error) {
	samples := make([][]sample, len(turns))
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "%v, round %d of %d\n", turns[0].scenario, round+1, o.rounds)
		for i := range turns {
			i = (i + round) % len(turns) // a different one begins
			s, err := turns[i].measure(o.duration)
			if err := cmp.Or(ctx.Err(), err); err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], s)
		}
	}
	return samples, nil
}

// measure warms a process up and takes a sample.
func (t turn) measure(duration time.Duration) (sample, error) {
	c, err := connect(t.process, t.workload, t.connections)
	if err != nil {
		return sample{}, err
	}
	defer c.close()
	if _, err := c.run(closedLoop(duration / 8)); err != nil {
		return sample{}, err
	}
	before, err := t.usage()
	if err != nil {
		return sample{}, err
	}
	start := time.Now()
	starts := closedLoop(duration)
	if t.rate > 0 {
		// Twice as long, because the 99th percentile needs more requests than the rate gives.
		starts = openLoop(2*duration, t.rate)
	}
	latencies, err := c.run(starts)
	elapsed := time.Since(start)
	if err != nil {
		return sample{}, err
	}
	after, err := t.usage()
	slices.Sort(latencies)
	n := len(latencies)
	return sample{
		cpu:      float64((after.cpu - before.cpu).Microseconds()) / float64(n),
		rate:     float64(n) / elapsed.Seconds(),
		p50:      latencies[n/2].Seconds() * 1e3,
		p99:      latencies[n*99/100].Seconds() * 1e3,
		resident: after.resident,
	}, err
}

func cpuOf(s sample) float64       { return s.cpu }
func rateOf(s sample) float64      { return s.rate }
func p50Of(s sample) float64       { return s.p50 }
func p99Of(s sample) float64       { return s.p99 }
func residentOf(s sample) float64  { return s.resident }
func cpuRatio(a, b sample) float64 { return a.cpu / b.cpu }
func addedP99(a, b sample) float64 { return a.p99 - b.p99 }
func addedCPU(a, b sample) float64 { return a.cpu - b.cpu }

// results are the figures of a run.
type results struct {
	contenders []*contender
	samples    map[measured][]sample // one a round
	features   string                // table
	footprint  footprint
	signature  []float64 // microseconds to verify one of ES256
}

type measured struct {
	*contender
	scenario
}

// measure starts the contenders and measures what the options ask for.
func measure(ctx context.Context, o options) (*results, error) {
	f, err := newFixture(o.gateway, o.peers)
	if err != nil {
		return nil, err
	}
	defer f.close()
	processes, err := f.startAll(ctx, o.contenders)
	if err != nil {
		return nil, err
	}
	r := &results{contenders: o.contenders, samples: map[measured][]sample{}}
	if r.features, err = compareFeatures(processes); err != nil {
		return nil, err
	}
	for _, s := range o.scenarios() {
		var turns []turn
		for _, p := range processes {
			if s.includes(p.contender) {
				turns = append(turns, turn{p, s})
			}
		}
		if err := o.record(ctx, r, turns...); err != nil {
			return nil, err
		}
	}
	if o.includes("footprint") && slices.Contains(o.contenders, oauthgw) {
		r.footprint, err = o.measureFootprint(ctx, f)
	}
	if err == nil && o.includes("secretless") && slices.Contains(o.contenders, oauthgw) {
		err = o.measureSecretless(ctx, f, r)
	}
	return r, err
}

// record takes turns and keeps the samples.
func (o options) record(ctx context.Context, r *results, turns ...turn) error {
	samples, err := o.takeTurns(ctx, turns...)
	for i := range samples {
		r.samples[measured{turns[i].contender, turns[i].scenario}] = samples[i]
	}
	return err
}

// scenarios are those in which the contenders compete.
func (o options) scenarios() (all []scenario) {
	for _, w := range workloads {
		if o.includes(w.name) {
			all = append(all, saturation(w))
		}
	}
	if o.includes("token") {
		all = append(all, oneConnection)
	}
	for _, rate := range rates {
		if o.includes("rates") {
			all = append(all, tokenAt(rate))
		}
	}
	return all
}

// includes reports whether a contender is measured in a scenario. The figures of others
// would take time and say nothing new.
func (s scenario) includes(c *contender) bool {
	switch {
	case c == slack:
		return s.workload == token
	case s.workload == registration: // the others pass it on, as they do a page
		return c == direct || c == oauthgw || c == tuned || c == floor
	case s != saturation(s.workload):
		return c != stock && c != floor && c != haproxy && c != caddy
	}
	return true
}

// compare returns a figure of two contenders in the same scenario.
func (r *results) compare(a, b *contender, s scenario, figure func(a, b sample) float64) spread {
	return spreadByRound(r.samples[measured{a, s}], r.samples[measured{b, s}], figure)
}
