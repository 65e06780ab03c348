package main

import "fmt"

// threshold is the greatest good value of a figure of the gateway.
type threshold struct {
	name, unit string
	value      float64               // zero: there is no target
	figure     func(*results) spread // zero: not measured
}

// The ratios are of CPU time per request.
var thresholds = []threshold{
	{"token exchange, relative to ReverseProxy tuned", "×", 0.6, ratio(oauthgw, tuned, saturation(token))},
	{"token exchange, relative to ReverseProxy", "×", 0.4, ratio(oauthgw, stock, saturation(token))},
	{"token exchange, relative to rewrite only", "×", 1.4, ratio(oauthgw, rewriteOnly, saturation(token))},
	{"token exchange, relative to nginx+njs", "×", 1.9, ratio(oauthgw, njs, saturation(token))},
	{"token exchange, relative to nginx+Lua", "×", 3.2, ratio(oauthgw, lua, saturation(token))},
	{"token exchange, relative to haproxy+Lua", "×", 1, ratio(oauthgw, haproxy, saturation(token))},
	{"token exchange, relative to a plain pass-through with Caddy", "×", 1, ratio(oauthgw, caddy, saturation(token))},
	{"token exchange on one connection, relative to nginx+njs", "", 0, ratio(oauthgw, njs, oneConnection)},
	{"token exchange on 1024 connections, relative to 64", "×", 1.2, func(r *results) spread { return r.footprint.many }},
	{"token exchange after 20000 clients, relative to a new process", "×", 1.1, func(r *results) spread { return r.footprint.seen }},
	{"token exchange at 1000/s, p99 added to direct", " ms", 1, func(r *results) spread {
		return r.compare(oauthgw, direct, tokenAt(1000), addedP99)
	}},
	{"token exchange with a lent secret, relative to Basic", "×", 1.05, besideBasic(secretless, lent, cpuRatio)},
	{"token exchange with an ES256 assertion, added to Basic", " µs", 60, besideBasic(secretless, asserted, addedCPU)},
	{"of this, verifying the signature, in µs", "", 0, func(r *results) spread { return spreadOf(r.signature) }},
	{"repairs that change nothing, relative to none", "×", 1.02, besideBasic(repairs, token, cpuRatio)},
	{"the same gateway again, relative to itself", "", 0, besideBasic(again, token, cpuRatio)},
	{"metadata, relative to a net/http handler that sends the same bytes", "×", 1.15, ratio(oauthgw, floor, saturation(metadata))},
	{"pass-through, relative to ReverseProxy", "×", 0.45, ratio(oauthgw, stock, saturation(passthrough))},
	{"pass-through, relative to ReverseProxy tuned", "×", 0.75, ratio(oauthgw, tuned, saturation(passthrough))},
	{"memory after start and a load of 64 connections", " MiB", 32, func(r *results) spread {
		return spreadBy(r.samples[measured{oauthgw, saturation(token)}], residentOf)
	}},
	{"memory of an idle connection", " KiB", 18, func(r *results) spread { return r.footprint.idle }},
	{"timer slack of 1 ms, on 64 connections", "", 0, ratio(slack, oauthgw, saturation(token))},
	{"timer slack of 1 ms, on one connection", "", 0, ratio(slack, oauthgw, oneConnection)},
}

// ratio relates two contenders in the same scenario.
func ratio(a, b *contender, s scenario) func(*results) spread {
	return func(r *results) spread { return r.compare(a, b, s, cpuRatio) }
}

// besideBasic compares a workload of a gateway with token requests of the plain one.
func besideBasic(c *contender, w *workload, figure func(a, b sample) float64) func(*results) spread {
	return func(r *results) spread {
		return spreadByRound(r.samples[measured{c, saturation(w)}], r.samples[measured{plain, saturation(token)}], figure)
	}
}

// row returns the threshold's row of the table.
func (t threshold) row(r *results) string {
	s, target := t.figure(r), "–"
	if t.value > 0 {
		target = fmt.Sprintf("≤ %g%s", t.value, t.unit)
	}
	return row(t.name, target, s.markdown("%.2f"), t.verdict(s))
}

// verdict judges the median. A difference that is as far below zero as it may be above
// is noise.
func (t threshold) verdict(s spread) string {
	switch {
	case s == spread{}:
		return "not measured"
	case t.value == 0:
		return ""
	case s.least < -t.value:
		return "too noisy to judge"
	case s.median <= t.value:
		return "met"
	}
	return "**not met**"
}
