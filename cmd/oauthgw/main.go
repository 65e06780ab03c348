// Command oauthgw puts HTTP Basic client authentication in front of an OAuth
// provider that reads client credentials only from the form.
//
// The package has the flags, the wiring and the commands. The rules of OAuth are in
// clientauth, proxy and wellknown.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"oauthgw/internal/printable"
)

// gcPercent is the garbage collector's percentage unless GOGC sets one. The heap is
// small, so that the default of 100 would collect every few hundred requests.
// GOMEMLIMIT, which every deployment sets, bounds the memory.
const gcPercent = 200

func main() {
	// First, so that no signal is missed.
	ctx := signalContext()
	if err := harden(); err != nil {
		fmt.Fprintln(os.Stderr, "warning:", err)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(printable.Writer(os.Stderr), err)
		os.Exit(1)
	}
}

const usage = `usage: oauthgw [command] [flags]

  serve    proxy requests to a provider (the default)
  check    report all errors of a configuration, and the problems of the metadata
  doctor   examine the authorization server at a URL and report what clients will fail at
  explain  explain how a request on standard input is read, without secrets
  demo     compare a legacy provider with a gateway in front of it
  version  print version information

oauthgw COMMAND -h prints the flags of a command.`

// run runs a command until it is done or ctx ends. Its output may contain text of a client
// or the provider, so it is written through [printable.Writer].
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	commands := map[string]func(context.Context, []string, io.Writer, io.Writer) error{
		"serve": serve, "check": check, "doctor": runDoctor, "demo": runDemo, "version": version,
		"explain": func(ctx context.Context, args []string, stdout, stderr io.Writer) error {
			return runExplain(ctx, args, stdin, stdout, stderr)
		},
	}
	stdout, stderr = printable.Writer(stdout), printable.Writer(stderr)
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
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

// newFlags returns the flag set of a command, which prints the usage of all
// commands before its flags.
func newFlags(name string, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("oauthgw "+name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "%s\n\nflags of %s:\n", usage, name)
		flags.PrintDefaults()
	}
	return flags
}

// parse parses flags. Arguments that are left are an error.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s: unexpected argument %q", flags.Name(), flags.Arg(0))
	}
	return nil
}
