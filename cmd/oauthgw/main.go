// Command oauthgw puts HTTP Basic client authentication in front of an OAuth
// provider that reads client credentials only from the form.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"oauthgw/internal/printable"
	"oauthgw/internal/server"
	"oauthgw/metrics"
)

func main() {
	ctx := signalContext() // first, so that no signal is missed
	if err := harden(); err != nil {
		fmt.Fprintln(os.Stderr, "warning: other processes may read secrets in memory:", err)
	}
	if os.Getenv("GOGC") == "" {
		// The heap is small: 100 would collect every few hundred requests. GOMEMLIMIT bounds it.
		debug.SetGCPercent(200)
	}
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(printable.Writer(os.Stderr), err)
		os.Exit(1)
	}
}

// signalContext returns a context that SIGINT or SIGTERM ends. A second signal ends the
// process at once.
func signalContext() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE) // the process goes on when the reader of its log exits
	go func() {
		defer signal.Stop(signals)
		if <-signals == syscall.SIGTERM {
			cancel(server.ErrTerminated)
		}
		cancel(context.Canceled)
	}()
	return ctx
}

const usage = `usage: oauthgw [command] [flags]

  serve    proxy requests to a provider (the default)
  check    report all errors of a configuration, and the problems of the metadata
  doctor   examine the authorization server at a URL and report what will fail for clients
  explain  explain how a request on standard input is read, without secrets
  demo     compare a legacy provider with a gateway in front of it
  version  print version information

oauthgw COMMAND -h prints the flags of a command.`

// run runs a command until it is done or ctx ends. Its output may contain text of a client
// or the provider, so it is written through [printable.Writer].
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	commands := map[string]func(context.Context, []string, io.Writer, io.Writer) error{
		"serve": serve, "check": check, "doctor": runDoctor, "demo": runDemo, "version": version, "--version": version,
		"explain": func(_ context.Context, args []string, stdout, stderr io.Writer) error {
			return runExplain(args, stdin, stdout, stderr)
		},
	}
	stdout, stderr = printable.Writer(stdout), printable.Writer(stderr)
	name := "serve"
	if len(args) > 0 && (!strings.HasPrefix(args[0], "-") || args[0] == "--version") {
		name, args = args[0], args[1:]
	}
	command, ok := commands[name]
	if !ok {
		return fmt.Errorf("oauthgw: unknown command %q\n%s", name, usage)
	}
	err := command(ctx, args, stdout, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

func version(_ context.Context, args []string, stdout, stderr io.Writer) error {
	if err := parse(newFlags("version", stderr), args); err != nil {
		return err
	}
	b := metrics.ReadBuild()
	_, err := fmt.Fprintf(stdout, "oauthgw %s (revision %s, %s)\n", b.Version, b.Revision, b.GoVersion)
	return err
}
