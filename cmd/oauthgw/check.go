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
	Valid  bool          `json:"valid"`
	Errors config.Errors `json:"errors"`
	// Metadata is about the metadata of the provider. Nil means that the configuration is
	// not valid.
	Metadata *metadataResult `json:"metadata,omitempty"`
	// Warnings are sentences about a valid configuration.
	Warnings []string `json:"warnings,omitempty"`
}

// metadataResult is about the metadata as the gateway would serve it.
type metadataResult struct {
	Read     bool     `json:"read"`
	Err      string   `json:"err,omitempty"` // why it could not be read
	Problems []string `json:"problems"`      // a sentence each
}

// check reports the errors of a configuration. For a valid one it reports the problems of
// the metadata, which do not make it fail, because they depend on the provider.
func check(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("check", stderr)
	flags := newConfigFlags(set)
	format := newFormatFlag(set)
	if err := parse(set, args); err != nil {
		return err
	}
	asJSON, err := format.isJSON()
	if err != nil {
		return err
	}
	result, err := checkConfig(ctx, flags)
	switch {
	case err != nil:
		return err
	case !asJSON && !result.Valid:
		return result.Errors
	case !asJSON:
		return result.writeText(stdout)
	}
	if err := writeJSON(stdout, result); err != nil || result.Valid {
		return err
	}
	return fmt.Errorf("oauthgw check: %s", count(len(result.Errors), "error"))
}

// checkConfig checks the configuration that flags give.
func checkConfig(ctx context.Context, flags configFlags) (checkResult, error) {
	s, err := flags.settings()
	result := checkResult{Errors: config.Errors{}}
	if errors.As(err, &result.Errors) {
		return result, nil
	}
	if err != nil {
		return result, err
	}
	g, err := gateway.New(gateway.Config{Settings: s, Telemetry: gateway.Telemetry{
		Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(metrics.Build{}),
	}})
	if err != nil {
		return result, err
	}
	defer g.Close()
	result.Valid, result.Metadata, result.Warnings = true, &metadataResult{Problems: []string{}}, s.Warnings()
	problems, err := g.Lint(ctx)
	if err != nil {
		result.Metadata.Err = err.Error()
		return result, nil
	}
	result.Metadata.Read, result.Metadata.Problems = true, append(result.Metadata.Problems, problems...)
	return result, nil
}

// writeText writes the result for a valid configuration.
func (c checkResult) writeText(w io.Writer) error {
	lines := append([]string{"the configuration is valid"}, c.Metadata.Problems...)
	switch {
	case !c.Metadata.Read:
		failure := "The provider's metadata cannot be read now, so it was not checked: " + c.Metadata.Err
		lines = append(lines, strings.Split(failure, "\n")...) // one for each location
	case len(c.Metadata.Problems) == 0:
		lines = append(lines, "metadata OK: no problems for strict clients")
	}
	for _, warning := range c.Warnings {
		lines = append(lines, "warning: "+warning)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, printable.Text(line)); err != nil {
			return err
		}
	}
	return nil
}
