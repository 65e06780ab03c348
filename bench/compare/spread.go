package main

import (
	"fmt"
	"slices"
)

// spread is the median of some values, with the least and the greatest. Zero: no values.
type spread struct{ least, median, greatest float64 }

func spreadOf(values []float64) spread {
	n := len(values)
	if n == 0 {
		return spread{}
	}
	slices.Sort(values)
	return spread{values[0], (values[(n-1)/2] + values[n/2]) / 2, values[n-1]}
}

// spreadBy returns the spread of a figure of each sample.
func spreadBy(samples []sample, figure func(sample) float64) spread {
	return spreadByRound(samples, samples, func(s, _ sample) float64 { return figure(s) })
}

// spreadByRound returns the spread of a figure of the two samples of each round.
func spreadByRound(a, b []sample, figure func(a, b sample) float64) spread {
	var values []float64
	for i := range min(len(a), len(b)) {
		values = append(values, figure(a[i], b[i]))
	}
	return spreadOf(values)
}

// markdown writes the median, the least and the greatest value.
func (s spread) markdown(format string) string {
	if s == (spread{}) {
		return ""
	}
	return fmt.Sprintf("**"+format+"** ("+format+"–"+format+")", s.median, s.least, s.greatest)
}
