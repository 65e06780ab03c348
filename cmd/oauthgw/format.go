package main

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
)

// formatFlag is the flag --format of a command.
type formatFlag struct{ value *string }

func newFormatFlag(set *flag.FlagSet) formatFlag {
	return formatFlag{set.String("format", "text", "text or json")}
}

// isJSON reports whether the output is JSON.
func (f formatFlag) isJSON() (bool, error) {
	switch *f.value {
	case "text", "json":
		return *f.value == "json", nil
	}
	return false, errors.New("--format: must be one of text, json")
}

// writeJSON writes indented JSON.
func writeJSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
