package main

import (
	"fmt"
	"os"
	"strings"
)

// report prints the tables and writes what was asked for.
func (r *results) report(o options) error {
	text := r.tables(o)
	fmt.Print(text)
	if o.into == "" {
		return nil
	}
	page := "# Results of `make bench`\n\nThis file is generated. [What it costs](performance.md) explains the figures.\n\n" + text
	return os.WriteFile(o.into, []byte(page), 0o644)
}

// tables tells everything in Markdown.
func (r *results) tables(o options) string {
	var b strings.Builder
	b.WriteString("### Targets\n\n| processor time per request, unless it says otherwise | target | figure | |\n|---|---|---|---|\n")
	for _, g := range goals {
		b.WriteString(g.row(r))
	}
	if r.own != nil {
		fmt.Fprintf(&b, "\nThe clients were seen in %d exchanges.\n", r.own.requests)
	}
	for _, w := range workloads {
		if r.samples[condition{work: w.name}] != nil {
			r.saturation(&b, w)
		}
	}
	r.fixed(&b)
	b.WriteString("\n### What each does\n\n" + r.does)
	b.WriteString("\n" + circumstances(o) + "\n")
	return b.String()
}

// saturation tells of a workload in a closed loop.
func (r *results) saturation(b *strings.Builder, w workload) {
	fmt.Fprintf(b, "\n### %s at saturation\n\n%s.\n\n", capital(w.name), capital(w.does))
	b.WriteString("| | | µs of processor per request | oauthgw takes × as much | requests/s | p50 ms | p99 ms |")
	b.WriteString(r.heldHead(w) + "\n|---|---|---|---|---|---|---|" + strings.Repeat("---|", min(1, len(r.heldHead(w)))) + "\n")
	longest := 1.0
	for _, s := range r.samples[condition{work: w.name}] {
		longest = max(longest, spreadOf(s, cpuOf).median)
	}
	for _, c := range contenders {
		s := r.of(w.name, 0, c)
		if s == nil {
			continue
		}
		bar := strings.Repeat("█", int(1+19*spreadOf(s, cpuOf).median/longest))
		times := ""
		if more, ok := r.compared(w.name, 0, c, cpuRatio); ok && c != oauthgw {
			times = more.write("%.2f")
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |%s\n", c.name, bar, spreadOf(s, cpuOf).write("%.1f"), times,
			spreadOf(s, rateOf).write("%.0f"), spreadOf(s, p50Of).write("%.2f"), spreadOf(s, p99Of).write("%.2f"), r.held(w, c))
	}
}

// heldHead heads the column of memory, at the workload where it was looked at.
func (r *results) heldHead(w workload) string {
	if w.name != "token" {
		return ""
	}
	return " peak MiB |"
}

func (r *results) held(w workload, c *contender) string {
	if w.name != "token" {
		return ""
	}
	return fmt.Sprintf(" %.0f |", float64(r.memory[c.name])/(1<<20))
}

// fixed tells of the token exchange at fixed rates.
func (r *results) fixed(b *strings.Builder) {
	if r.samples[condition{work: "token", rate: rates[0]}] == nil {
		return
	}
	b.WriteString("\n### Token exchange at fixed rates\n\n| p50, p99 in ms |")
	for _, rate := range rates {
		fmt.Fprintf(b, " %d/s |", rate)
	}
	b.WriteString(" p99 more than direct at 1000/s |\n|---|" + strings.Repeat("---|", len(rates)+1) + "\n")
	for _, c := range contenders {
		if r.of("token", rates[0], c) == nil {
			continue
		}
		b.WriteString("| " + c.name + " |")
		for _, rate := range rates {
			s := r.of("token", rate, c)
			fmt.Fprintf(b, " %s, %s |", spreadOf(s, p50Of).write("%.2f"), spreadOf(s, p99Of).write("%.2f"))
		}
		more := ""
		if s := r.of("token", 1000, direct); s != nil && c != direct {
			more = compared(r.of("token", 1000, c), s, addedP99).write("%.2f")
		}
		b.WriteString(" " + more + " |\n")
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// write writes a spread as median, least and most.
func (s spread) write(format string) string {
	return fmt.Sprintf("**"+format+"** ("+format+"–"+format+")", s.median, s.least, s.most)
}
