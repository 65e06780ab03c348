// Compare measures what the gateway costs, beside what one would take in its place:
// nginx with Lua or njs, haproxy, Caddy, a bare httputil.ReverseProxy. All stand
// before the same provider, are asked by the same clients, and take turns in one
// run, so that their ratios hold on a machine whose times do not.
//
// It prints tables and the targets, and writes them where it is told to. Everything is on the loopback, bounded in time and number, and ends with the
// program.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// alone is what is measured of the gateway without others, where a workload could
// stand.
const alone = "alone"

// options are what the command line says.
type options struct {
	gateway, peers string
	into           string
	rounds         int
	lasts          time.Duration
	only, work     string
	processors     int
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// run measures, or is one of the servers that are measured.
func run(arguments []string) error {
	if len(arguments) > 1 {
		address, last := arguments[1], arguments[len(arguments)-1]
		switch arguments[0] {
		case "provider":
			return provide(address)
		case "stock":
			return proxyStock(address, last)
		case "raised":
			return proxyRaised(address, last)
		case "rewrite":
			return rewriteOnly(address, last)
		case "floor":
			return answerAtOnce(address, last)
		}
	}
	o, err := read(arguments)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return o.perform(ctx)
}

func read(arguments []string) (o options, err error) {
	f := flag.NewFlagSet("compare", flag.ExitOnError)
	f.StringVar(&o.gateway, "gateway", "bin/oauthgw", "the gateway's `binary`")
	f.StringVar(&o.peers, "peers", ".build/peers", "the `directory` into which fetch unpacked the peers")
	f.StringVar(&o.into, "into", "", "write the tables to this Markdown `file`")
	f.IntVar(&o.rounds, "rounds", 5, "how many times each contender has its turn")
	f.DurationVar(&o.lasts, "lasts", 1500*time.Millisecond, "how `long` a turn is, twice as long at fixed rates")
	f.StringVar(&o.only, "only", "", "the `contenders` to measure, with commas between them; empty: all")
	f.StringVar(&o.work, "work", "", "measure this `workload` only, at saturation, or alone: the gateway without others; empty: everything")
	f.IntVar(&o.processors, "processors", 2, "how many processors each contender may use")
	_ = f.Parse(arguments) // it exits
	if f.NArg() > 0 || o.rounds < 1 || o.lasts <= 0 || o.processors < 1 {
		return o, fmt.Errorf("-rounds, -lasts and -processors are above 0, and there are no arguments")
	}
	known := func(w workload) bool { return w.name == o.work }
	if o.work != "" && o.work != alone && !slices.ContainsFunc(workloads, known) {
		return o, fmt.Errorf("there is no workload %q", o.work)
	}
	return o, nil
}

// perform runs the contenders against each other.
func (o options) perform(ctx context.Context) error {
	b, err := newBed(ctx, o.gateway, o.peers, o.processors)
	if b != nil {
		defer b.close()
	}
	if err != nil {
		return err
	}
	targets, err := o.enter(ctx, b)
	if err != nil {
		return err
	}
	r := results{samples: map[condition]map[string][]sample{}, memory: map[string]int64{}}
	if r.does, err = probeAll(targets); err != nil {
		return err
	}
	if err := r.measure(ctx, o, targets); err != nil {
		return err
	}
	if o.work == alone || o.work == "" && slices.Contains(contendersOf(targets), oauthgw) {
		if r.own, err = examine(ctx, b, o); err != nil {
			return err
		}
	}
	return r.report(o)
}

// measure lets the targets compete under every condition that was asked for.
func (r *results) measure(ctx context.Context, o options, targets []target) error {
	for _, w := range workloads {
		if o.work != "" && o.work != w.name {
			continue
		}
		if err := r.compete(ctx, targets, condition{work: w.name}, o.rounds, o.lasts); err != nil {
			return err
		}
		if w.name == "token" {
			if err := r.hold(targets); err != nil {
				return err
			}
		}
	}
	if o.work != "" {
		return nil
	}
	for _, rate := range rates {
		// There are fewer requests than at saturation, and their last percent counts.
		if err := r.compete(ctx, targets, condition{work: "token", rate: rate}, o.rounds, 2*o.lasts); err != nil {
			return err
		}
	}
	return nil
}

// contendersOf returns who runs.
func contendersOf(targets []target) (all []*contender) {
	for _, t := range targets {
		all = append(all, t.contender)
	}
	return all
}

// enter starts the contenders that were asked for.
func (o options) enter(ctx context.Context, b *bed) ([]target, error) {
	var targets []target
	for _, c := range contenders {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), c.name) {
			continue
		}
		t := target{c, b.processes[0]} // the provider
		if c.start != nil {
			var err error
			if t.process, err = c.start(b); err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if err := t.process.await(ctx, func() error { return ask(workloads[0], c, t.process.address) }); err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("none of the contenders is %q", o.only)
	}
	return targets, nil
}
