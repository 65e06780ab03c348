// Command compare measures the cost of oauthgw and of its alternatives: nginx
// with Lua or njs, haproxy, Caddy and a bare httputil.ReverseProxy.
//
// All contenders run in front of the same provider, get the same requests and take
// turns in one run, so that their ratios hold on a machine whose times vary. Everything
// runs on the loopback interface and ends with the program.
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

// options are the flags.
type options struct {
	gateway, peers, output string
	rounds                 int
	duration               time.Duration
	contenders             []*contender
	part                   string
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 4 && arguments[0] == "serve":
		return serve(arguments[1], arguments[2], arguments[3])
	case len(arguments) > 1 && arguments[0] == "slack":
		return execWithSlack(arguments[1:])
	}
	o, err := parseFlags(arguments)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := measure(ctx, o)
	if err != nil {
		return err
	}
	page := r.markdown(o)
	fmt.Print(page)
	if o.output == "" {
		return nil
	}
	return os.WriteFile(o.output, []byte(page), 0o644)
}

func parseFlags(arguments []string) (options, error) {
	var o options
	f := flag.NewFlagSet("compare", flag.ExitOnError)
	f.StringVar(&o.gateway, "gateway", "bin/oauthgw", "the gateway's `program`")
	f.StringVar(&o.peers, "peers", ".build/peers", "the `directory` into which fetch unpacked the peers")
	f.StringVar(&o.output, "output", "", "write the tables to this Markdown `file`")
	f.IntVar(&o.rounds, "rounds", 5, "`number` of turns of each contender")
	f.DurationVar(&o.duration, "duration", 1500*time.Millisecond, "`duration` of a turn; twice as long at fixed rates")
	f.StringVar(&o.part, "part", "", "measure only this `part`: a workload, rates, footprint or secretless")
	names := f.String("contenders", "", "comma-separated `names` of the contenders to measure; empty: all")
	_ = f.Parse(arguments) // exits on an error
	for _, c := range contenders {
		if *names == "" || slices.Contains(strings.Split(*names, ","), c.name) {
			o.contenders = append(o.contenders, c)
		}
	}
	if f.NArg() > 0 || o.rounds < 1 || o.duration < 10*time.Millisecond {
		return o, fmt.Errorf("-rounds must be at least 1 and -duration at least 10ms, without arguments")
	}
	if *names != "" && len(o.contenders) != len(strings.Split(*names, ",")) {
		return o, fmt.Errorf("-contenders has an unknown name: %s", *names)
	}
	if o.scenarios() == nil && o.part != "footprint" && o.part != "secretless" {
		return o, fmt.Errorf("there is no part %q", o.part)
	}
	return o, nil
}

// includes reports whether a part is measured.
func (o options) includes(part string) bool { return o.part == "" || o.part == part }
