package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"time"

	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

// discover fetches the metadata of the provider if the copy is too old, and builds routes
// if the issuer or the endpoints have changed. It ignores a document older than the last
// one, and logs the first of several failures.
func (g *Gateway) discover(ctx context.Context) error {
	known, err := g.source.Provider(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err = err
	if err != nil {
		if !g.failed && ctx.Err() == nil {
			g.log.Warn("provider metadata fetch failed", "err", err.Error())
			g.failed = true
		}
		return err
	}
	known.Issuer = cmp.Or(known.Issuer, g.settings.Upstream.Issuer)
	if len(g.settings.Endpoints) > 0 {
		known.Endpoints = g.settings.Endpoints
	}
	if known.Fetched.Before(g.fetched) {
		return nil
	}
	now := g.routes.Load()
	if now == nil || now.known.Issuer != known.Issuer || !reflect.DeepEqual(now.known.Endpoints, known.Endpoints) {
		g.routes.Store(g.build(known))
		g.log.Info("discovered endpoints", "issuer", known.Issuer, "endpoints", slices.Sorted(maps.Keys(known.Endpoints)))
	}
	g.failed, g.fetched = false, known.Fetched
	return nil
}

// Lint returns the problems of the metadata that the gateway serves, a sentence each.
func (g *Gateway) Lint(ctx context.Context) ([]string, error) {
	if !g.Ready() {
		if err := g.discover(ctx); err != nil {
			return nil, err
		}
	}
	problems, err := g.source.Lint(ctx, g.routes.Load().paths)
	return append(problems, g.authorizationProblems()...), err
}

// watchMetadata discovers the endpoints and, if lint is set, logs the problems of the
// metadata, until ctx ends: soon again after a failure, and otherwise once per TTL.
func (g *Gateway) watchMetadata(ctx context.Context, lint bool) {
	const shortest, longest = 500 * time.Millisecond, 30 * time.Second
	backoff := shortest
	var logged []string
	for ctx.Err() == nil {
		var err error
		if !g.fullyConfigured() {
			err = g.discover(ctx)
		}
		if lint && g.Ready() {
			err = errors.Join(err, g.logProblems(ctx, &logged))
		}
		pause := g.settings.Metadata.TTL
		if err != nil {
			pause = backoff/2 + rand.N(backoff/2) // #nosec G404 -- it need not be a secret
			backoff = min(2*backoff, longest)
		} else {
			backoff = shortest
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// logProblems logs the problems of the metadata if they are not those logged last.
func (g *Gateway) logProblems(ctx context.Context, logged *[]string) error {
	problems, err := g.Lint(ctx)
	if err == nil && !slices.Equal(problems, *logged) {
		*logged = problems
		for _, p := range problems {
			g.log.Warn("metadata problem", "problem", p)
		}
	}
	return err
}

// inheritFrom takes over the cached metadata of another gateway, and fetches what is still
// unknown. It fails if this gateway cannot answer where the other one could, or ctx ends.
func (g *Gateway) inheritFrom(ctx context.Context, old *Gateway) error {
	if g.settings.UpstreamSocket == old.settings.UpstreamSocket {
		g.source.ShareCache(old.source)
	}
	g.settings.Clients.Inherit(old.settings.Clients)
	if g.fullyConfigured() {
		return nil
	}
	err := g.discover(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && old.Ready() && !g.Ready() {
		return fmt.Errorf("the endpoints are not configured and discovery failed: %w", err)
	}
	return nil
}

// fullyConfigured reports whether there is nothing to discover.
func (g *Gateway) fullyConfigured() bool {
	s := g.settings
	return len(s.Endpoints) > 0 && (s.Upstream.Issuer != "" || s.ClientAuth.Realm != "" && !s.RewriteIssuer && len(s.Resources) == 0 && !s.Clients.NeedsIssuer())
}

// publicIssuer returns the issuer that clients know, or "" if it cannot be discovered.
func (g *Gateway) publicIssuer(ctx context.Context) string {
	known, _ := g.Known()
	if known.Issuer == "" {
		_ = g.discover(ctx) // it logs the error
		known, _ = g.Known()
	}
	if !g.settings.RewriteIssuer {
		return known.Issuer
	}
	public, _ := g.source.URLMap(known.Issuer).Move(known.Issuer)
	return public
}

// routesFor returns the routes for a request. Before discovery any path could be an endpoint.
// Requests for metadata and possible token requests wait for an attempt to discover the
// endpoints. All others do not, so that pages of the provider need no metadata.
func (g *Gateway) routesFor(r *http.Request) *routes {
	if !g.Ready() && (g.undiscovered.isMetadata(r, nil) || g.matchGrants(r, nil)) {
		_ = g.discover(r.Context()) // refuseUndiscovered gives the error
	}
	return cmp.Or(g.routes.Load(), g.undiscovered)
}

// matchGrants matches the requests that some server could read as a token request, or as an
// authorization request for a client whose requests are judged.
func (g *Gateway) matchGrants(r *http.Request, _ *mux.RouteMatch) bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, r.Method) || hasGrant(r) ||
		g.settings.Clients.Mentions(r.RequestURI) // some servers find a query in the path
}

// refuseUndiscovered refuses a possible token request with what discovery found.
func (g *Gateway) refuseUndiscovered(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	err := g.err
	g.mu.Unlock()
	proxy.WriteError(w, wellknown.Explain(*proxy.ErrEndpointsUnknown, err))
}
