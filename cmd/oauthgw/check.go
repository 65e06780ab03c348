package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"oauthgw/internal/config"
	"oauthgw/internal/gateway"
	"oauthgw/internal/printable"
	"oauthgw/metrics"
)

// checkResult is the JSON output of check.
type checkResult struct {
	Valid    bool            `json:"valid"`
	Errors   config.Errors   `json:"errors"`
	Metadata *metadataResult `json:"metadata,omitempty"` // nil: the configuration is not valid
	Warnings []string        `json:"warnings,omitempty"`
}

// metadataResult is the result of checking the metadata that the gateway would serve.
type metadataResult struct {
	Read     bool     `json:"read"`          // the metadata could be fetched
	Err      string   `json:"err,omitempty"` // why it could not be fetched
	Problems []string `json:"problems"`
}

// check reports the errors of a configuration. For a valid configuration it also reports
// problems of the metadata. They do not make check fail, because they depend on the provider.
func check(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("check", stderr)
	load, asJSON := configFlags(set), formatFlag(set)
	if err := parse(set, args); err != nil {
		return err
	}
	s, err := load()
	var invalid config.Errors
	if *asJSON && errors.As(err, &invalid) {
		err = fmt.Errorf("oauthgw check: errors: %d", len(invalid))
		return errors.Join(writeJSON(stdout, checkResult{Errors: invalid}), err)
	}
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Config{Settings: s, Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(metrics.Build{})})
	if err != nil {
		return err
	}
	defer g.Close()
	problems, err := g.Lint(ctx)
	metadata := &metadataResult{Read: err == nil, Problems: append([]string{}, problems...)}
	if err != nil {
		metadata.Err = err.Error()
	}
	result := checkResult{Valid: true, Errors: config.Errors{}, Metadata: metadata, Warnings: s.Warnings(s.Listen)}
	if *asJSON {
		return writeJSON(stdout, result)
	}
	return result.writeText(stdout)
}

func (c checkResult) writeText(w io.Writer) error {
	lines := append([]string{"the configuration is valid"}, c.Metadata.Problems...)
	if !c.Metadata.Read {
		failure := "metadata not checked, because it cannot be fetched from the provider: " + c.Metadata.Err
		lines = append(lines, strings.Split(failure, "\n")...) // Err has a line for each location
	} else if len(c.Metadata.Problems) == 0 {
		lines = append(lines, "metadata OK: no problems for strict clients")
	}
	for _, warning := range c.Warnings {
		lines = append(lines, "warning: "+warning)
	}
	for i, line := range lines {
		lines[i] = printable.Text(line) + "\n"
	}
	_, err := io.WriteString(w, strings.Join(lines, ""))
	return err
}
