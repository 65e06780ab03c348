package main

import (
	"fmt"
	"strings"
)

// tables tells everything in Markdown.
func (r *results) tables() string {
	var b strings.Builder
	for _, w := range workloads {
		if r.samples[condition{w.name, 0}] != nil {
			r.saturation(&b, w)
		}
	}
	return b.String()
}

// saturation tells of a workload in a closed loop.
func (r *results) saturation(b *strings.Builder, w workload) {
	fmt.Fprintf(b, "### %s\n\n%s.\n\n| | µs of processor per request | oauthgw takes × as much | requests/s | p50 ms | p99 ms |\n|---|---|---|---|---|---|\n",
		w.name, strings.ToUpper(w.does[:1])+w.does[1:])
	for _, c := range contenders {
		s := r.of(w.name, 0, c)
		if s == nil {
			continue
		}
		ratio := ""
		if own := r.of(w.name, 0, oauthgw); own != nil && c != oauthgw {
			ratio = compared(own, s, cpuRatio).write("%.2f")
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", c.name, spreadOf(s, cpuOf).write("%.1f"), ratio,
			spreadOf(s, rateOf).write("%.0f"), spreadOf(s, p50Of).write("%.2f"), spreadOf(s, p99Of).write("%.2f"))
	}
	b.WriteString("\n")
}

// write writes a spread as median, least and most.
func (s spread) write(format string) string {
	return fmt.Sprintf("**"+format+"** ("+format+"–"+format+")", s.median, s.least, s.most)
}
