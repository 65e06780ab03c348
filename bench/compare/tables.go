package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// header returns the header row of a table with the line below it.
func header(columns ...string) string {
	return row(columns...) + strings.Repeat("|---", len(columns)) + "|\n"
}

// markdown returns a page with the tables of all that was measured.
func (r *results) markdown(o options) string {
	page := "# Benchmark results\n\nThis page lists the results of the last run of `make bench`. [Benchmarks](benchmarks.md) explains the figures.\n\n" +
		"## Targets\n\n" + header("CPU time per request, unless stated otherwise", "target", "figure", "")
	for _, t := range thresholds {
		page += t.row(r)
	}
	page += "\n## Capacity\n\n" + r.capacityTable()
	for _, w := range workloads {
		if o.includes(w.name) {
			page += "\n## Saturation: " + w.name + "\n\n" + w.description + ".\n\n" + r.saturationTable(saturation(w))
		}
	}
	if o.includes("token") {
		page += "\n## One connection: token\n\nOne request after the other.\n\n" + r.saturationTable(oneConnection)
	}
	if o.includes("rates") {
		page += "\n## Fixed rates: token\n\n" + r.ratesTable()
	}
	return page + "\n## What each does\n\n" + r.features + "\n" + o.environment()
}

func (r *results) saturationTable(at scenario) string {
	table := header("", "", "CPU µs per request", "oauthgw relative to it", "requests/s", "p50 ms", "p99 ms", "resident MiB")
	longest := 0.0
	for _, c := range r.contenders {
		longest = max(longest, spreadBy(r.samples[measured{c, at}], cpuOf).median)
	}
	for _, c := range r.contenders {
		s := r.samples[measured{c, at}]
		if s == nil {
			continue
		}
		cpu := spreadBy(s, cpuOf)
		table += row(c.name, strings.Repeat("█", int(1+19*cpu.median/max(longest, 1))), cpu.markdown("%.1f"),
			r.compare(oauthgw, c, at, cpuRatio).markdown("%.2f"), spreadBy(s, rateOf).markdown("%.0f"),
			spreadBy(s, p50Of).markdown("%.2f"), spreadBy(s, p99Of).markdown("%.2f"), spreadBy(s, residentOf).markdown("%.0f"))
	}
	return table
}

func (r *results) ratesTable() string {
	columns := []string{"p50, p99 in ms"}
	for _, rate := range rates {
		columns = append(columns, fmt.Sprintf("%d/s", rate))
	}
	table := header(append(columns, "p99 added to direct at 1000/s", "CPU µs per request at 1000/s")...)
	for _, c := range r.contenders {
		if !tokenAt(1000).includes(c) {
			continue
		}
		cells := []string{c.name}
		for _, rate := range rates {
			s := r.samples[measured{c, tokenAt(rate)}]
			cells = append(cells, spreadBy(s, p50Of).markdown("%.2f")+", "+spreadBy(s, p99Of).markdown("%.2f"))
		}
		added := r.compare(c, direct, tokenAt(1000), addedP99)
		cpu := spreadBy(r.samples[measured{c, tokenAt(1000)}], cpuOf)
		table += row(append(cells, added.markdown("%.2f"), cpu.markdown("%.1f"))...)
	}
	return table
}

// capacityTable has what a capacity planner needs.
func (r *results) capacityTable() string {
	at := func(c *contender, w *workload) []sample { return r.samples[measured{c, saturation(w)}] }
	idle := r.footprint.idle
	return header("", "figure") +
		row("logins per second and core: metadata, a page and a token exchange", perCore(at(oauthgw, metadata), at(oauthgw, passthrough), at(oauthgw, token))) +
		row("token exchanges per second and core, Basic", perCore(at(oauthgw, token))) +
		row("token exchanges per second and core, lent secret", perCore(at(secretless, lent))) +
		row("token exchanges per second and core, ES256 assertion", perCore(at(secretless, asserted))) +
		row("MiB after start and a load of 64 connections", spreadBy(at(oauthgw, token), residentOf).markdown("%.0f")) +
		row("MiB per 1000 idle connections", spread{idle.least * 1000 / 1024, idle.median * 1000 / 1024, idle.greatest * 1000 / 1024}.markdown("%.1f"))
}

// perCore returns how often a second of CPU time suffices for a request of each kind.
func perCore(kinds ...[]sample) string {
	var values []float64
	for round := range kinds[0] {
		cpu := 0.0
		for _, samples := range kinds {
			if round >= len(samples) {
				return "" // not measured
			}
			cpu += samples[round].cpu
		}
		values = append(values, 1e6/cpu)
	}
	return spreadOf(values).markdown("%.0f")
}

// environment describes what the figures of a run depend on.
func (o options) environment() string {
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo") // empty if it does not exist
	_, rest, _ := strings.Cut(string(cpuinfo), "model name\t: ")
	model, _, _ := strings.Cut(rest, "\n")
	versions, _ := os.ReadFile(filepath.Join(o.peers, "versions")) // empty if fetch did not run
	return fmt.Sprintf("%d rounds of %v; %d processors, %s, %s/%s; %s; %s; %s.\n",
		o.rounds, o.duration, runtime.NumCPU(), strings.TrimSpace(model), runtime.GOOS, runtime.GOARCH, runtime.Version(),
		strings.ReplaceAll(strings.TrimSpace(string(versions)), "\n", ", "), time.Now().UTC().Format(time.DateOnly))
}

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
