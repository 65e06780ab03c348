package main

import (
	"context"
	"slices"
)

// results are the figures of a run.
type results struct {
	contenders []*contender
	samples    map[measured][]sample // one a round
	features   string                // table
	footprint  footprint
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
		turns := make([]turn, len(processes))
		for i, p := range processes {
			turns[i] = turn{p, s}
		}
		samples, err := o.takeTurns(ctx, turns...)
		if err != nil {
			return nil, err
		}
		for i, p := range processes {
			r.samples[measured{p.contender, s}] = samples[i]
		}
	}
	if o.includes("footprint") && slices.Contains(o.contenders, oauthgw) {
		r.footprint, err = o.measureFootprint(ctx, f)
	}
	return r, err
}

// scenarios are those in which the contenders compete.
func (o options) scenarios() (all []scenario) {
	for _, w := range workloads {
		if o.includes(w.name) {
			all = append(all, saturation(w))
		}
	}
	for _, rate := range rates {
		if o.includes("rates") {
			all = append(all, tokenAt(rate))
		}
	}
	return all
}

// compare returns a figure of two contenders in the same scenario.
func (r *results) compare(a, b *contender, s scenario, figure func(a, b sample) float64) spread {
	return spreadByRound(r.samples[measured{a, s}], r.samples[measured{b, s}], figure)
}
