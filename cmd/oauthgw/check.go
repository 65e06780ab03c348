package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"oauthgw/internal/config"
	"oauthgw/internal/printable"
	"slices"
	"strings"
	"time"
)

// verdict is what check says of a configuration, as its JSON.
type verdict struct {
	Valid  bool          `json:"valid"`
	Errors config.Errors `json:"errors"`
	// Metadata is what is to be said of what clients will be told. Nil means that
	// the configuration is not valid.
	Metadata *metadataVerdict `json:"metadata,omitempty"`
	// Warnings are sentences about a valid configuration.
	Warnings []string `json:"warnings,omitempty"`
}

// metadataVerdict is what check says of the provider's metadata, as the gateway
// would serve it. Whether that can be read depends on the provider.
type metadataVerdict struct {
	Read     bool     `json:"read"`
	Err      string   `json:"err,omitempty"` // why it could not be read
	Problems []string `json:"problems"`
}

// check is the command that reads a configuration and reports its errors.
// Of a valid one it reports the problems of the metadata that the gateway would serve.
// They depend on the provider, so check does not fail.
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
	v, err := judge(ctx, flags)
	switch {
	case err != nil:
		return err
	case !asJSON && !v.Valid:
		return v.Errors
	case !asJSON:
		return v.writeText(stdout)
	}
	if err := writeJSON(stdout, v); err != nil || v.Valid {
		return err
	}
	return fmt.Errorf("oauthgw check: %s", count(len(v.Errors), "error"))
}

// judge judges the configuration that flags give.
func judge(ctx context.Context, flags configFlags) (verdict, error) {
	s, err := flags.settings()
	v := verdict{Errors: config.Errors{}}
	if errors.As(err, &v.Errors) {
		return v, nil
	}
	if err != nil {
		return v, err
	}
	g, err := newGateway(s, nobody())
	if err != nil {
		return v, err
	}
	defer g.close()
	v.Valid, v.Metadata, v.Warnings = true, &metadataVerdict{Problems: []string{}}, s.Warnings()
	problems, err := g.lint(ctx)
	if err != nil {
		v.Metadata.Err = err.Error()
		return v, nil
	}
	v.Metadata.Read, v.Metadata.Problems = true, append(v.Metadata.Problems, problems...)
	return v, nil
}

// writeText tells of a valid configuration in lines.
func (v verdict) writeText(w io.Writer) error {
	lines := append([]string{"the configuration is valid"}, v.Metadata.Problems...)
	switch {
	case !v.Metadata.Read:
		text := "The provider's metadata cannot be read now, so it was not checked: " + v.Metadata.Err
		lines = append(lines, strings.Split(text, "\n")...) // one for each location
	case len(v.Metadata.Problems) == 0:
		lines = append(lines, "metadata OK: no problems for strict clients")
	}
	for _, warning := range v.Warnings {
		lines = append(lines, "warning: "+warning)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, printable.Text(line)); err != nil {
			return err
		}
	}
	return nil
}

// lint returns the problems of the metadata that the gateway serves, once it knows its
// endpoints.
func (g *gateway) lint(ctx context.Context) ([]string, error) {
	if g.routes.Load() == nil {
		if err := g.learn(ctx); err != nil {
			return nil, err
		}
	}
	return g.source.Lint(ctx, g.routes.Load().paths)
}

// watchMetadata logs the problems of the metadata at the start and whenever they change,
// until ctx ends.
func (g *gateway) watchMetadata(ctx context.Context) {
	var logged []string
	for ctx.Err() == nil {
		problems, err := g.lint(ctx)
		if err == nil && !slices.Equal(problems, logged) {
			for _, problem := range problems {
				g.log.Warn("metadata", "problem", problem)
			}
			logged = problems
		}
		pause := g.settings.MetadataTTL
		if err != nil {
			pause = min(pause, 5*time.Second)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
