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
	Valid    bool          `json:"valid"`
	Mistakes config.Errors `json:"mistakes"`
	// Metadata is what is to be said of what clients will be told. Nil means that
	// the configuration is not valid.
	Metadata *metadataVerdict `json:"metadata,omitempty"`
	// Warnings are sentences about a valid configuration.
	Warnings []string `json:"warnings,omitempty"`
}

// metadataVerdict is what check says of the provider's metadata, as the gateway
// would serve it. Whether that can be read depends on the provider.
type metadataVerdict struct {
	Read   bool     `json:"read"`
	Fault  string   `json:"fault,omitempty"` // why it could not be read
	Untrue []string `json:"untrue"`          // a sentence each
}

// check is the command that reads a configuration and reports its mistakes.
// Of one without any it tells what the provider's metadata, as the gateway
// would serve it, leaves untrue: that depends on the provider, so it is no
// reason to fail.
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
		return v.Mistakes
	case !asJSON:
		return v.writeText(stdout)
	}
	if err := writeJSON(stdout, v); err != nil || v.Valid {
		return err
	}
	return fmt.Errorf("oauthgw check: %s", count(len(v.Mistakes), "mistake"))
}

// judge judges the configuration that flags give.
func judge(ctx context.Context, flags configFlags) (verdict, error) {
	s, err := flags.settings()
	v := verdict{Mistakes: config.Errors{}}
	if errors.As(err, &v.Mistakes) {
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
	v.Valid, v.Metadata, v.Warnings = true, &metadataVerdict{Untrue: []string{}}, s.Warnings()
	sentences, err := g.truth(ctx)
	if err != nil {
		v.Metadata.Fault = err.Error()
		return v, nil
	}
	v.Metadata.Read, v.Metadata.Untrue = true, append(v.Metadata.Untrue, sentences...)
	return v, nil
}

// writeText tells of a valid configuration in lines.
func (v verdict) writeText(w io.Writer) error {
	lines := append([]string{"the configuration is valid"}, v.Metadata.Untrue...)
	switch {
	case !v.Metadata.Read:
		fault := "The provider's metadata cannot be read now, so nothing is said of it: " + v.Metadata.Fault
		lines = append(lines, strings.Split(fault, "\n")...) // one for each location
	case len(v.Metadata.Untrue) == 0:
		lines = append(lines, "the metadata that clients will see is true")
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

// truth returns what is untrue of the metadata that the gateway serves, once
// it knows what it fronts.
func (g *gateway) truth(ctx context.Context) ([]string, error) {
	if g.routes.Load() == nil {
		if err := g.learn(ctx); err != nil {
			return nil, err
		}
	}
	return g.source.Truth(ctx, g.routes.Load().paths)
}

// keepJudging tells the operator what is untrue of the metadata, when it begins
// and whenever that changes, until ctx ends. That the metadata cannot be read
// is told elsewhere.
func (g *gateway) keepJudging(ctx context.Context) {
	var told []string
	for ctx.Err() == nil {
		sentences, err := g.truth(ctx)
		if err == nil && !slices.Equal(sentences, told) {
			for _, sentence := range sentences {
				g.log.Warn("metadata", "untrue", sentence)
			}
			told = sentences
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
