package main

import (
	"fmt"
	"html"
	"strings"
)

// The plot's measures, in its own unit.
const (
	labelWidth = 190
	barWidth   = 480
	rowHeight  = 22
	plotWidth  = labelWidth + barWidth + 110
)

// plotStyle has colours for light and dark pages; the plot brings its own ground.
const plotStyle = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.ground { fill: #ffffff }
.other { fill: #8c959f }
.own { fill: #0969da }
.spread { stroke: #1f2328; stroke-width: 1.2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ground { fill: #0d1117 }
  .other { fill: #6e7681 }
  .own { fill: #58a6ff }
  .spread { stroke: #e6edf3 }
}
</style>
`

// panel is a group of bars with one scale.
type panel struct {
	title string
	unit  string // of the numbers at the bars
	bars  []bar
}

type bar struct {
	name string
	own  bool
	spread
}

// plot draws what was measured, as SVG.
func (r *results) plot() string {
	var b strings.Builder
	height := 16
	for _, p := range r.panels() {
		p.draw(&b, height)
		height += p.height()
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="Processor time per request and latency of oauthgw and others">`+"\n%s"+
		`<rect class="ground" width="100%%" height="100%%"/>`+"\n%s</svg>\n", plotWidth, height, plotStyle, b.String())
}

// panels are those of which there are figures.
func (r *results) panels() (all []panel) {
	for _, w := range workloads {
		all = r.panel(all, capital(w.name)+": processor time per request at saturation", "µs", condition{work: w.name}, cpuOf)
	}
	return r.panel(all, "Token exchange at 1000/s: p99", "ms", condition{work: "token", rate: 1000}, p99Of)
}

// panel adds a panel, if there are figures.
func (r *results) panel(all []panel, title, unit string, at condition, take func(sample) float64) []panel {
	p := panel{title: title, unit: unit}
	for _, c := range contenders {
		if s := r.samples[at][c.name]; s != nil {
			p.bars = append(p.bars, bar{c.name, c == oauthgw, spreadOf(s, take)})
		}
	}
	if p.bars == nil {
		return all
	}
	return append(all, p)
}

func (p panel) height() int { return (len(p.bars)+1)*rowHeight + 20 }

// draw draws a panel at a height: a bar to each median, a line from the least to
// the most.
func (p panel) draw(b *strings.Builder, top int) {
	longest := 0.0
	for _, bar := range p.bars {
		longest = max(longest, bar.most)
	}
	scale := barWidth / longest
	fmt.Fprintf(b, `<text class="title" x="12" y="%d">%s (%s)</text>`+"\n", top+14, html.EscapeString(p.title), p.unit)
	for i, bar := range p.bars {
		y := top + (i+1)*rowHeight
		class := "other"
		if bar.own {
			class = "own"
		}
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", labelWidth-8, y+15, html.EscapeString(bar.name))
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`+"\n", class, labelWidth, y+3, bar.median*scale, rowHeight-6)
		fmt.Fprintf(b, `<line class="spread" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n",
			labelWidth+bar.least*scale, labelWidth+bar.most*scale, y+rowHeight/2, y+rowHeight/2)
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%s %s</text>`+"\n", labelWidth+bar.most*scale+8, y+15, brief(bar.median), p.unit)
	}
}

// brief writes a number with three digits or more.
func brief(x float64) string {
	switch {
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}
