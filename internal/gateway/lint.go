package gateway

import (
	"context"
	"slices"
	"time"
)

// Lint returns the problems of the metadata that the gateway serves, a sentence each.
func (g *Gateway) Lint(ctx context.Context) ([]string, error) {
	if g.routes.Load() == nil {
		if err := g.discover(ctx); err != nil {
			return nil, err
		}
	}
	return g.source.Lint(ctx, g.routes.Load().paths)
}

// runLint logs the problems of the metadata at the start and when they change, until ctx
// ends. Discovery logs that the metadata cannot be fetched.
func (g *Gateway) runLint(ctx context.Context) {
	var logged []string
	for ctx.Err() == nil {
		problems, err := g.Lint(ctx)
		if err == nil && !slices.Equal(problems, logged) {
			for _, p := range problems {
				g.log.Warn("metadata problem", "problem", p)
			}
			logged = problems
		}
		pause := g.settings.MetadataTTL
		if err != nil {
			pause = min(pause, 5*time.Second)
		}
		sleep(ctx, pause)
	}
}
