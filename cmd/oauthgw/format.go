package main

import (
	"encoding/json"
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
	m := &mistakes{source: &source{flags: map[string]bool{"format": true}}}
	format := oneOf(m, "format", *f.value, "text", "json")
	return format == "json", m.found.err()
}

// writeJSON writes a report as JSON that people can read as well.
func writeJSON(w io.Writer, report any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
