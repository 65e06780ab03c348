package main

import (
	"slices"
	"time"
)

// sample is what was measured of one contender in one round.
type sample struct {
	requests int
	cpu      float64 // microseconds of its processors per request
	rate     float64 // requests per second
	p50, p99 float64 // milliseconds
}

// measure lets a load run and looks at what it cost the target.
func measure(c *crowd, load func() ([]time.Duration, error)) (sample, error) {
	before, err := c.process.spent()
	if err != nil {
		return sample{}, err
	}
	begins := time.Now()
	took, err := load()
	if err != nil {
		return sample{}, err
	}
	lasted := time.Since(begins)
	after, err := c.process.spent()
	if err != nil {
		return sample{}, err
	}
	slices.Sort(took)
	n := len(took)
	return sample{
		requests: n,
		cpu:      float64((after - before).Microseconds()) / float64(n),
		rate:     float64(n) / lasted.Seconds(),
		p50:      took[n/2].Seconds() * 1e3,
		p99:      took[n*99/100].Seconds() * 1e3,
	}, nil
}

// spread is a median with the least and the most.
type spread struct{ least, median, most float64 }

// spreadOf returns the spread of what is taken of each sample.
func spreadOf(samples []sample, take func(sample) float64) spread {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = take(s)
	}
	return summary(values)
}

// compared returns the spread of what two contenders make of a round together.
func compared(a, b []sample, take func(a, b sample) float64) spread {
	values := make([]float64, min(len(a), len(b)))
	for i := range values {
		values[i] = take(a[i], b[i])
	}
	return summary(values)
}

func summary(values []float64) spread {
	slices.Sort(values)
	n := len(values)
	return spread{values[0], (values[(n-1)/2] + values[n/2]) / 2, values[n-1]}
}

func cpuOf(s sample) float64       { return s.cpu }
func rateOf(s sample) float64      { return s.rate }
func p50Of(s sample) float64       { return s.p50 }
func p99Of(s sample) float64       { return s.p99 }
func cpuRatio(a, b sample) float64 { return a.cpu / b.cpu }
func addedP99(a, b sample) float64 { return a.p99 - b.p99 }
