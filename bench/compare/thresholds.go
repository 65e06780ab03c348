package main

import "fmt"

// threshold is the greatest good value of a figure of the gateway.
type threshold struct {
	name, unit string
	value      float64
	figure     func(*results) spread // zero: not measured
}

// The ratios are of CPU time per request.
var thresholds = []threshold{
	{"token exchange, relative to a bare ReverseProxy", "×", 0.5, relativeTo(stock, token)},
	{"token exchange, relative to nginx+njs", "×", 1.1, relativeTo(njs, token)},
	{"token exchange, relative to nginx+Lua", "×", 1.6, relativeTo(lua, token)},
	{"token exchange, relative to a plain pass-through with Caddy", "×", 1, relativeTo(caddy, token)},
	{"token exchange at 1000/s, p99 added to direct", " ms", 1, func(r *results) spread {
		return r.compare(oauthgw, direct, tokenAt(1000), addedP99)
	}},
	{"metadata, relative to a net/http handler that sends the same bytes", "×", 1.2, relativeTo(floor, metadata)},
	{"pass-through, relative to a bare ReverseProxy", "×", 1.05, relativeTo(stock, passthrough)},
	{"memory after start and a load of 64 connections", " MiB", 32, func(r *results) spread {
		return spreadBy(r.samples[measured{oauthgw, saturation(token)}], residentOf)
	}},
	{"memory of an idle connection", " KiB", 20, func(r *results) spread { return r.footprint.idle }},
	{"token exchange on 1024 connections, relative to 64", "×", 1.3, func(r *results) spread { return r.footprint.many }},
	{"token exchange after 20000 clients, relative to a new process", "×", 1.1, func(r *results) spread { return r.footprint.seen }},
}

func relativeTo(c *contender, w *workload) func(*results) spread {
	return func(r *results) spread { return r.compare(oauthgw, c, saturation(w), cpuRatio) }
}

// row returns the threshold's row of the table.
func (t threshold) row(r *results) string {
	s := t.figure(r)
	return row(t.name, fmt.Sprintf("≤ %g%s", t.value, t.unit), s.markdown("%.2f"), t.verdict(s))
}

// verdict judges the median. A difference that is as far below zero as it may be above
// is noise.
func (t threshold) verdict(s spread) string {
	switch {
	case s == spread{}:
		return "not measured"
	case s.least < -t.value:
		return "too noisy to judge"
	case s.median <= t.value:
		return "met"
	}
	return "**not met**"
}
