package main

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
)

// formatFlag is the flag of a command that reports to people or to machines.
type formatFlag struct{ value *string }

func newFormatFlag(set *flag.FlagSet) formatFlag {
	return formatFlag{set.String("format", "text", "text or json")}
}

// isJSON reports whether to report in JSON.
func (f formatFlag) isJSON() (bool, error) {
	switch *f.value {
	case "text", "json":
		return *f.value == "json", nil
	}
	return false, errors.New("--format: must be one of text, json")
}

// writeJSON writes a report as JSON that people can read as well.
func writeJSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
