package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"oauthgw/internal/config"
)

// newFlags returns the flag set of a command. Its help prints all commands first.
func newFlags(name string, stderr io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet("oauthgw "+name, flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() {
		fmt.Fprintf(stderr, "%s\n\nflags of %s:\n", usage, name)
		set.PrintDefaults()
	}
	return set
}

// parse parses flags. Arguments that are left are an error.
func parse(set *flag.FlagSet, args []string) error {
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() > 0 {
		return fmt.Errorf("%s: unexpected argument %q", set.Name(), set.Arg(0))
	}
	return nil
}

// configFlags adds the flags that give a configuration. The result loads the configuration
// file and applies the other flags to it.
func configFlags(set *flag.FlagSet) func() (config.Settings, error) {
	file := set.String("config.file", "", "the configuration `file`, in YAML")
	overrides := map[string]string{}
	for key, help := range map[string]string{
		"upstream.url": "the provider's `origin`, such as http://127.0.0.1:3000, or unix:/path",
		"listen":       "the `address` for clients, host:port or unix:/path",
		"admin.listen": "the `address` of metrics and health, host:port or unix:/path",
		"log.level":    "the `level`: debug, info, warn or error",
		"log.format":   "the `format`: json or text",
	} {
		set.Func(key, help+"; overrides the configuration file", func(value string) error {
			overrides[key] = value
			return nil
		})
	}
	return func() (config.Settings, error) { return config.Load(*file, overrides) }
}

// formatFlag adds --format. The result is true for JSON.
func formatFlag(set *flag.FlagSet) *bool {
	asJSON := new(bool)
	set.Func("format", "the `format` of the output: text (the default) or json", func(value string) error {
		if *asJSON = value == "json"; !*asJSON && value != "text" {
			return errors.New("must be one of text, json")
		}
		return nil
	})
	return asJSON
}

func writeJSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
