// Faultproviderd runs the hostile provider alone, for end-to-end tests and
// measurements. It prints one line with its address, and when it is interrupted
// how often each misbehaviour was met, how many authorization codes and refresh
// tokens arrived, and how many of them more than once.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"oauthgw/internal/faultprovider"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "faultproviderd:", err)
		os.Exit(1)
	}
}

// run serves until the context is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("faultproviderd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	list := flags.Bool("list", false, "print every misbehaviour, and exit")
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	shares := flags.String("misbehave", "", "`shares` of a hundred, such as truncated=5,redirect-307=0.5 (default: none)")
	var config faultprovider.Config
	flags.StringVar(&config.PublicURL, "public-url", "", "`origin` that the documents name (default: the address)")
	flags.Uint64Var(&config.Seed, "seed", 0, "`number` that makes a run repeatable")
	flags.DurationVar(&config.Interval, "interval", time.Second, "time between two octets of what is slow")
	flags.DurationVar(&config.MaxDuration, "patience", time.Minute, "how long what never ends lasts")
	flags.Int64Var(&config.LargeSize, "volume", 1<<30, "size in `octets` of what is too large")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		return printMisbehaviours(stdout)
	}
	var err error
	if config.Rates, err = faultprovider.ParseRates(*shares); err != nil {
		return fmt.Errorf("--misbehave: %w", err)
	}
	return serve(ctx, *listen, config, stdout)
}

func serve(ctx context.Context, address string, config faultprovider.Config, stdout io.Writer) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	origin := "http://" + listener.Addr().String()
	if config.PublicURL == "" {
		config.PublicURL = origin
	}
	provider, err := faultprovider.New(config)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := provider.Start(listener); err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintln(stdout, "listening on", origin)
	<-ctx.Done()
	provider.Close()
	return printTotals(stdout, provider)
}

func printMisbehaviours(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range faultprovider.Faults() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.Name, m.Row, m.Trigger, m.Description)
	}
	return table.Flush()
}

func printTotals(w io.Writer, p *faultprovider.Provider) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	totals := p.Counts()
	for _, name := range slices.Sorted(maps.Keys(totals)) {
		fmt.Fprintf(table, "%s\t%d\n", name, totals[name])
	}
	fmt.Fprintf(table, "codes and refresh tokens\t%d\nseen again\t%d\n", p.Grants(), len(p.RepeatedGrants()))
	return table.Flush()
}
