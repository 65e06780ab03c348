package gateway

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"time"

	"oauthgw/clientauth"
	"oauthgw/wellknown"
)

// discover fetches the metadata of the provider if the copy is too old, and builds routes
// if the issuer or the endpoints have changed. It ignores a document older than the last
// one. It logs the first of several failures.
func (g *Gateway) discover(ctx context.Context) error {
	known, err := g.source.Provider(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		if !g.failed && ctx.Err() == nil {
			g.log.Warn("provider metadata fetch failed", "err", err.Error())
			g.failed = true
		}
		return err
	}
	if known.Fetched.Before(g.fetched) {
		return nil
	}
	if now := g.routes.Load(); now != nil && now.known.Issuer == known.Issuer && reflect.DeepEqual(now.known.Endpoints, known.Endpoints) {
		g.failed, g.fetched = false, known.Fetched
		return nil
	}
	if err := g.build(known); err != nil {
		return err
	}
	g.failed, g.fetched = false, known.Fetched
	g.log.Info("discovered endpoints", "issuer", known.Issuer, "endpoints", slices.Sorted(maps.Keys(g.fronted(known))))
	return nil
}

// runDiscovery discovers until ctx ends: soon after a failure, and otherwise once per
// lifetime of a metadata document.
func (g *Gateway) runDiscovery(ctx context.Context) {
	if g.fullyConfigured() {
		return
	}
	const shortest, longest = 500 * time.Millisecond, 30 * time.Second
	backoff := shortest
	for ctx.Err() == nil {
		pause := g.settings.MetadataTTL
		if g.discover(ctx) == nil {
			backoff = shortest
		} else {
			pause = backoff/2 + rand.N(backoff/2) // #nosec G404 -- it need not be a secret
			backoff = min(2*backoff, longest)
		}
		sleep(ctx, pause)
	}
}

// sleep waits for a time, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// inheritFrom takes over the metadata that another gateway has of the same provider, and
// fetches what is still unknown. The error says that this gateway cannot answer where the
// other one could, or why ctx ended.
func (g *Gateway) inheritFrom(ctx context.Context, old *Gateway) error {
	if g.settings.UpstreamSocket == old.settings.UpstreamSocket {
		g.source.ShareCache(old.source)
	}
	if g.fullyConfigured() {
		return nil
	}
	err := g.discover(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && old.Ready() && !g.Ready():
		return fmt.Errorf("the endpoints are not configured and discovery failed: %w", err)
	}
	return nil
}

// fullyConfigured reports whether the configuration contains all that can be discovered.
func (g *Gateway) fullyConfigured() bool {
	return len(g.settings.Endpoints) > 0 && (g.settings.Realm != "" || g.settings.Issuer != "") &&
		(g.settings.IssuerMode == wellknown.IssuerPreserve || g.settings.Issuer != "")
}

// Issuer returns the issuer of the provider, discovered or configured. Empty means that it
// is unknown.
func (g *Gateway) Issuer(known wellknown.Provider) string {
	if known.Issuer != "" {
		return known.Issuer
	}
	return g.settings.Issuer
}

// realm returns the realm of challenges.
func (g *Gateway) realm(known wellknown.Provider) string {
	switch {
	case g.settings.Realm != "":
		return g.settings.Realm
	case g.Issuer(known) != "":
		return g.Issuer(known)
	case g.settings.PublicURL != nil:
		return g.settings.PublicURL.String()
	}
	return g.settings.Upstream.Host
}

// fronted returns the fronted endpoints: the configured ones, or else those in the metadata.
func (g *Gateway) fronted(known wellknown.Provider) map[clientauth.Endpoint]*url.URL {
	if len(g.settings.Endpoints) > 0 {
		return g.settings.Endpoints
	}
	return known.Endpoints
}
