// Command oauthgw puts HTTP Basic client authentication in front of an OAuth
// provider that reads client credentials only from the form, or only from the header.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"oauthgw/internal/printable"
	"oauthgw/internal/server"
	"oauthgw/metrics"
)

func main() {
	ctx := server.SignalContext() // first, so that no signal is missed
	if err := harden(); err != nil {
		fmt.Fprintln(os.Stderr, "oauthgw: warning: other processes may read secrets in memory:", err)
	}
	if os.Getenv("GOGC") == "" {
		// The heap is small: 100 would collect every few hundred requests. GOMEMLIMIT bounds it.
		debug.SetGCPercent(200)
	}
	os.Exit(exitCode(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}

// command is one of the commands. Its usage is made from its fields and its flags.
type command struct {
	name, arguments, summary, example string // an argument in brackets may be omitted
	run                               func(context.Context, *invocation) error
}

// commands returns all commands, the default first.
func commands() []command {
	return []command{
		{"serve", "", "Proxy requests to a provider. This is the default command.", "oauthgw serve --config.file=oauthgw.yaml", serve},
		{"check", "", "Report all errors of a configuration and the problems of the provider's metadata.", "oauthgw check --config.file=oauthgw.yaml", check},
		{"doctor", "URL", "Examine the authorization server at URL and report what will fail for clients.", "oauthgw doctor https://login.example.com", runDoctor},
		{"explain", "", "Explain how the gateway handles the request on standard input, without secrets.", "oauthgw explain < request.txt", runExplain},
		{"demo", "", "Run a legacy provider and a gateway in front of it, and compare their responses.", "oauthgw demo", runDemo},
		{"version", "", "Print version information.", "oauthgw version", version},
		{"help", "[COMMAND]", "Print the commands, or the arguments and flags of a command.", "oauthgw help check", help},
	}
}

// aliases are the flags that stand for a command.
var aliases = map[string]string{"-h": "help", "-help": "help", "--help": "help", "-version": "version", "--version": "version"}

// run runs a command until it is done or ctx ends. Its output may contain text of a client
// or the provider, so it is written through [printable.Writer].
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	name := "serve"
	if len(args) > 0 && (aliases[args[0]] != "" || !strings.HasPrefix(args[0], "-")) {
		name, args = cmp.Or(aliases[args[0]], args[0]), args[1:]
	}
	return dispatch(ctx, name, invocation{args: args, stdin: stdin, stdout: printable.Writer(stdout), stderr: printable.Writer(stderr)})
}

func version(_ context.Context, i *invocation) error {
	_, err := i.parse()
	if err == nil {
		b := metrics.ReadBuild()
		_, err = fmt.Fprintf(i.stdout, "oauthgw %s (revision %s, %s)\n", b.Version, b.Revision, b.GoVersion)
	}
	return err
}

func help(ctx context.Context, i *invocation) error {
	args, err := i.parse()
	if err != nil {
		return err
	}
	if len(args) > 0 {
		return dispatch(ctx, args[0], invocation{args: []string{"--help"}, stdout: i.stdout})
	}
	text := "usage: oauthgw [COMMAND] [ARGUMENTS] [FLAGS]\n\ncommands:\n"
	for _, c := range commands() {
		text += fmt.Sprintf("  %-8s %s\n", c.name, c.summary)
	}
	text += "\nRun \"oauthgw help COMMAND\" for the arguments and flags of a command.\nExit codes: 0 success, 1 failure, 2 wrong usage.\n\n"
	if _, err := io.WriteString(i.stdout, text); err != nil {
		return err
	}
	return dispatch(ctx, "version", invocation{stdout: i.stdout})
}
