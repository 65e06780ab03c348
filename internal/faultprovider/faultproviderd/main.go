// Faultproviderd runs the provider with faults. It prints its address and, when it is
// interrupted, how often each fault happened and how many codes and refresh tokens arrived,
// and arrived more than once.
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
	list := flags.Bool("list", false, "print all faults and exit")
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	rates := flags.String("rates", "", "`percentages` of faults, such as truncated=5,redirect-307=0.5")
	var config faultprovider.Config
	flags.StringVar(&config.PublicURL, "public-url", "", "`origin` in the metadata (default: the address)")
	flags.Uint64Var(&config.Seed, "seed", 0, "`number` that makes a run repeatable")
	flags.DurationVar(&config.Interval, "interval", time.Second, "time between two bytes of a slow response")
	flags.DurationVar(&config.MaxDuration, "max-duration", time.Minute, "maximum duration of a fault")
	flags.Int64Var(&config.LargeSize, "large-size", 1<<30, "size of large responses in `bytes`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list {
		return printFaults(stdout)
	}
	var err error
	if config.Rates, err = faultprovider.ParseRates(*rates); err != nil {
		return fmt.Errorf("--rates: %w", err)
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
	if err == nil {
		err = provider.Start(listener)
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintln(stdout, "listening on", origin)
	<-ctx.Done()
	provider.Close()
	return printCounts(stdout, provider)
}

func printFaults(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range faultprovider.Faults() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.Name, m.Row, m.Trigger, m.Description)
	}
	return table.Flush()
}

func printCounts(w io.Writer, p *faultprovider.Provider) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	counts := p.Counts()
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(table, "%s\t%d\n", name, counts[name])
	}
	fmt.Fprintf(table, "codes and refresh tokens\t%d\nrepeated\t%d\n", p.Grants(), len(p.RepeatedGrants()))
	return table.Flush()
}
