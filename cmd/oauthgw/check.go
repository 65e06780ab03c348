package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// check is the command that reads a configuration and reports its mistakes.
// Of one without any it tells what the provider's metadata, as the gateway
// would serve it, leaves untrue: that depends on the provider, so it is no
// reason to fail.
func check(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("check", stderr)
	flags := newConfigFlags(set)
	if err := parse(set, args); err != nil {
		return err
	}
	s, err := flags.settings()
	if err != nil {
		return err
	}
	g, err := newGateway(s, nobody())
	if err != nil {
		return err
	}
	defer g.close()
	fmt.Fprintln(stdout, "the configuration is valid")
	sentences, err := g.truth(ctx)
	switch {
	case err != nil:
		sentences = []string{"The provider's metadata cannot be read now, so nothing is said of it: " + err.Error()}
	case len(sentences) == 0:
		sentences = []string{"the metadata that clients will see is true"}
	}
	for _, sentence := range sentences {
		if _, err := fmt.Fprintln(stdout, sentence); err != nil {
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
		pause := g.settings.ttl
		if err != nil {
			pause = min(pause, 5*time.Second)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}
