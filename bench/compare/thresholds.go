package main

import "fmt"

// goal is a figure that the gateway has to reach.
type goal struct {
	what, unit string
	most       float64
	figure     func(*results) (spread, bool) // false: it was not measured
}

// goals are all there are. The ratios are of processor time per request.
var goals = []goal{
	{"token exchange, of the bare ReverseProxy", "×", 0.5, ratio("token", stock)},
	{"token exchange, of nginx+njs", "×", 1.1, ratio("token", njs)},
	{"token exchange, of nginx+Lua", "×", 1.6, ratio("token", lua)},
	{"token exchange, of Caddy's plain pass-through", "×", 1, ratio("token", caddy)},
	{"token exchange at 1000/s: p99 more than direct", " ms", 1, func(r *results) (spread, bool) {
		return r.compared("token", 1000, direct, addedP99)
	}},
	{"metadata, of a net/http handler writing the same", "×", 1.2, ratio("metadata", floor)},
	{"pass-through, of the bare ReverseProxy", "×", 1.05, ratio("passthrough", stock)},
	{"memory after the start and a load of 64 connections", " MiB", 32, ours(func(o *own) spread { return o.resident })},
	{"memory of an idle connection", " KiB", 20, ours(func(o *own) spread { return o.idle })},
	{"token exchange at 1024 connections, of that at 64", "×", 1.3, ours(func(o *own) spread { return o.crowded })},
	{"token exchange after 20032 clients, of that before", "×", 1.1, ours(func(o *own) spread { return o.seen })},
}

// ratio is the processor time of the gateway as a multiple of another's.
func ratio(work string, other *contender) func(*results) (spread, bool) {
	return func(r *results) (spread, bool) { return r.compared(work, 0, other, cpuRatio) }
}

// compared compares the gateway with another.
func (r *results) compared(work string, rate int, other *contender, take func(a, b sample) float64) (spread, bool) {
	own, theirs := r.of(work, rate, oauthgw), r.of(work, rate, other)
	if own == nil || theirs == nil {
		return spread{}, false
	}
	return compared(own, theirs, take), true
}

// ours is a figure of the gateway alone.
func ours(take func(*own) spread) func(*results) (spread, bool) {
	return func(r *results) (spread, bool) {
		if r.own == nil {
			return spread{}, false
		}
		return take(r.own), true
	}
}

// verdict says whether the median reaches the goal. A difference that is as far
// below nothing as it may be above is of the machine, and says nothing.
func (g goal) verdict(s spread) string {
	switch {
	case s.least < -g.most:
		return "the machine was too busy to tell"
	case s.median <= g.most:
		return "met"
	}
	return "**not met**"
}

// row is the goal's row of the table.
func (g goal) row(r *results) string {
	s, ok := g.figure(r)
	if !ok {
		return fmt.Sprintf("| %s | ≤ %g%s | | not measured |\n", g.what, g.most, g.unit)
	}
	return fmt.Sprintf("| %s | ≤ %g%s | %s | %s |\n", g.what, g.most, g.unit, s.write("%.2f"), g.verdict(s))
}
