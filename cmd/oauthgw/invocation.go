package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"oauthgw/internal/config"
	"oauthgw/internal/logging"
	"oauthgw/internal/printable"
)

type invocation struct {
	command
	args           []string
	flags          *flag.FlagSet
	stdin          io.Reader
	stdout, stderr io.Writer
}

// dispatch runs the command of a name, or prints its usage if its flags ask for help.
func dispatch(ctx context.Context, name string, i invocation) error {
	all, names := commands(), []string{}
	for _, c := range all {
		names = append(names, c.name)
	}
	if !slices.Contains(names, name) {
		return usageError{fmt.Errorf("unknown command %q: must be one of %s; run \"oauthgw help\"", name, strings.Join(names, ", "))}
	}
	i.command = all[slices.Index(names, name)]
	i.flags = flag.NewFlagSet(name, flag.ContinueOnError)
	i.flags.SetOutput(io.Discard) // exitCode prints errors
	err := i.run(ctx, &i)
	var invalid config.Errors
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err = io.WriteString(i.stdout, i.usage())
	case errors.As(err, &invalid) && invalid.OfFlags():
		err = i.usageErrorf("%w", err)
	}
	return err
}

var flagError = regexp.MustCompile(`^(?:invalid (?:boolean )?value .* for (?:flag )?|flag (.*): )-(\S+?)(?:: (.*))?$`)

// flagProblems has plain words for the problems that the flag package reports.
var flagProblems = map[string]string{
	"provided but not defined": "unknown flag", "needs an argument": "needs a value", "parse error": "must be true or false",
}

// parse parses the flags, which may follow the arguments, and returns the arguments.
func (i *invocation) parse() (args []string, err error) {
	wanted := strings.Fields(i.arguments)
	for rest := i.args; ; rest = rest[1:] {
		if err := i.flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			text := printable.Text(err.Error())
			if m := flagError.FindStringSubmatch(text); m == nil {
				text, _, _ = strings.Cut(text, "=") // a value may be a secret
			} else {
				text = "--" + m[2] + ": " + cmp.Or(flagProblems[m[1]], flagProblems[m[3]], m[3])
			}
			return nil, i.usageErrorf("%s", text)
		}
		if rest = i.flags.Args(); len(rest) == 0 {
			break
		} else if len(args) == len(wanted) {
			return nil, i.usageErrorf("unexpected argument %q", rest[0])
		}
		args = append(args, rest[0])
	}
	if missing := wanted[len(args):]; len(missing) > 0 && missing[0][0] != '[' {
		return nil, i.usageErrorf("%s: is required, such as %s", missing[0], i.example)
	}
	return args, nil
}

// usage returns the arguments of the command, an example, and its flags.
func (i *invocation) usage() string {
	var flags strings.Builder
	i.flags.VisitAll(func(f *flag.Flag) {
		value, help := flag.UnquoteUsage(f)
		fmt.Fprintf(&flags, "  %s\n        %s\n", strings.TrimSpace("--"+f.Name+" "+value), help)
	})
	line := strings.TrimSpace("usage: oauthgw " + i.name + " " + i.arguments)
	text := "\n\n" + i.summary + "\n\nexample:\n  " + i.example + "\n"
	if flags.Len() == 0 {
		return line + text
	}
	return line + " [FLAGS]" + text + "\nflags:\n" + flags.String()
}

// formatFlag adds --format. The result writes a report in that format.
func formatFlag(i *invocation) (write func(fmt.Stringer) error) {
	asJSON := false
	i.flags.Func("format", "the `format` of the output: text (the default) or json", func(value string) error {
		if asJSON = value == "json"; !asJSON && value != "text" {
			return errors.New("must be one of text, json")
		}
		return nil
	})
	return func(report fmt.Stringer) (err error) {
		if asJSON {
			e := json.NewEncoder(i.stdout)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(report)
		}
		_, err = io.WriteString(i.stdout, report.String())
		return err
	}
}

type usageError struct{ error }

func (i *invocation) usageErrorf(format string, args ...any) error {
	return usageError{fmt.Errorf(format+"; run \"oauthgw help %s\"", append(args, i.name)...)}
}

// serviceError is an error that ends the service. It belongs in the log.
type serviceError struct {
	error
	json bool // the format of the log
}

// Unwrap implements the interface of [errors.As].
func (e serviceError) Unwrap() error { return e.error }

// exitCode prints an error and returns the exit code of the program.
func exitCode(err error, stderr io.Writer) int {
	stderr = printable.Writer(stderr)
	var usage usageError
	var service serviceError
	code, report := 1, func(line string) { fmt.Fprintln(stderr, "oauthgw: "+line) }
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		code = 2
	case errors.As(err, &service):
		var format logging.Format
		format.Set(slog.LevelError, service.json)
		report = func(line string) { slog.New(format.Handler(stderr)).Error("fatal error", "err", line) }
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		report(line)
	}
	return code
}
