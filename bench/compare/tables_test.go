package main

import (
	"strings"
	"testing"
	"time"
)

// Ratios are of what was measured in the same round: here the gateway takes half
// in each, though the rounds differ by a hundred.
func TestRatioOfARound(t *testing.T) {
	r := measured()
	got, ok := r.compared("token", 0, stock, cpuRatio)
	if want := (spread{0.5, 0.5, 0.5}); !ok || got != want {
		t.Errorf("%v, %v; want %v", got, ok, want)
	}
	if got := summary([]float64{4, 1, 3, 2}); got != (spread{1, 2.5, 4}) {
		t.Errorf("the spread of four is %v", got)
	}
}

// What was measured is judged, and what was not is no success.
func TestGoals(t *testing.T) {
	r := measured()
	for want, g := range map[string]goal{
		"| met |":         {"x", "×", 0.5, ratio("token", stock)},
		"| **not met** |": {"x", "×", 0.4, ratio("token", stock)},
		"| the machine was too busy to tell |": {"x", " ms", 0.5, func(r *results) (spread, bool) {
			return r.compared("token", 0, stock, func(a, b sample) float64 { return b.p99 - a.p99 })
		}},
		"| not measured |": {"x", "×", 9, ratio("token", njs)},
	} {
		if row := g.row(r); !strings.HasSuffix(row, want+"\n") {
			t.Errorf("%q; want %q", row, want)
		}
	}
}

// The tables have the same number of columns in each row.
func TestTables(t *testing.T) {
	r := measured()
	columns := 0
	for line := range strings.Lines(r.tables(options{rounds: 2, lasts: time.Second})) {
		n := strings.Count(line, "|")
		if n > 0 && columns > 0 && n != columns {
			t.Errorf("a row of another table: %s", line)
		}
		columns = n
	}
}

// measured are results of two contenders.
func measured() *results {
	r := &results{samples: map[condition]map[string][]sample{}, memory: map[string]int64{}}
	for _, rate := range append([]int{0}, rates...) {
		r.samples[condition{work: "token", rate: rate}] = map[string][]sample{
			oauthgw.name: {{cpu: 1, p99: 2}, {cpu: 100, p99: 3}},
			stock.name:   {{cpu: 2, p99: 1}, {cpu: 200, p99: 1}},
		}
	}
	return r
}
