package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/proxy"
	"oauthgw/wellknown"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
)

// gateway joins the pieces: it answers requests by routes that it builds once
// it knows the endpoints, from the configuration or from the provider.
type gateway struct {
	settings  config.Settings
	observers // who are told of what happens
	log       *slog.Logger
	source    *wellknown.Source
	to        ways
	clients   proxy.ClientConfiguration

	notFound, notYet, noHost, badTarget, longPath http.Handler // refusals

	routes atomic.Pointer[routes] // nil until the endpoints are known

	users   atomic.Int64 // requests in flight, and one for being in force
	retired atomic.Bool  // it was replaced, and keeps no idle connections

	mu      sync.Mutex // serialises what builds routes
	failed  bool       // the last attempt to learn failed, and was logged
	fetched time.Time  // when the metadata arrived that the routes were last compared with
}

// routes are what the gateway answers by at one time.
type routes struct {
	router *mux.Router
	known  wellknown.Provider             // what they were built from
	paths  map[clientauth.Endpoint]string // of the fronted endpoints
}

// ServeHTTP implements [http.Handler]. The router's own would copy the request to
// tell it which route it took, which nobody asks.
func (r *routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var match mux.RouteMatch
	r.router.Match(req, &match) // there is a handler for what nothing matches
	match.Handler.ServeHTTP(w, req)
}

// newGateway returns a gateway that has asked nobody anything yet.
func newGateway(s config.Settings, o observers) (*gateway, error) {
	metadata := proxy.NewPassthroughTransport(s.UpstreamSocket, s.UpstreamTLS)
	metadata.MaxResponseHeaderBytes = 32 << 10
	return newGatewayOver(ways{
		fronted:  o.tracing.Transport(proxy.NewTransport(s.Upstream, s.UpstreamSocket, s.UpstreamTLS)),
		metadata: o.tracing.Transport(metadata),
		rest:     o.tracing.Transport(proxy.NewPassthroughTransport(s.UpstreamSocket, s.UpstreamTLS)),
	}, s, o)
}

// ways are the ways to the provider: to the fronted endpoints, to its metadata,
// and to the rest. They share nothing, so that no one of them starves another.
type ways struct {
	fronted, metadata, rest http.RoundTripper
}

// newGatewayOver returns a gateway that reaches the provider over the given ways.
func newGatewayOver(to ways, s config.Settings, o observers) (*gateway, error) {
	source, err := wellknown.NewSource(wellknown.SourceConfig{
		Upstream: s.Upstream, Public: s.PublicURL, Issuer: s.IssuerMode, Passthrough: s.Passthrough, Expected: s.Issuer, Patch: s.MetadataPatch, Transport: to.metadata,
		TTL: s.MetadataTTL, StaleFor: s.MetadataStaleFor, Entries: s.MetadataEntries, Metrics: o.metrics,
	})
	if err != nil {
		return nil, err
	}
	g := &gateway{settings: s, observers: o, log: o.newLog(s), source: source,
		to: to, clients: proxy.ClientConfiguration(s.ClientConfiguration)}
	g.users.Store(1)
	g.notFound, g.notYet = g.refusal(proxy.ErrNotFound), g.refusal(proxy.ErrEndpointsUnknown)
	g.noHost, g.badTarget, g.longPath = g.refusal(proxy.ErrHost), g.refusal(proxy.ErrTarget), g.refusal(proxy.ErrLongPath)
	if len(s.Endpoints) > 0 {
		return g, g.build(wellknown.Provider{})
	}
	return g, nil
}

// ServeHTTP answers by the routes of the moment. As long as there are none,
// any path could be an endpoint, and a request is answered only if the
// provider can be asked now.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path, ok := proxy.TargetPath(r); {
	case !ok:
		g.badTarget.ServeHTTP(w, r)
		return
	case len(path) > proxy.MaxPath:
		g.longPath.ServeHTTP(w, r)
		return
	}
	if !namesHost(r) {
		g.noHost.ServeHTTP(w, r)
		return
	}
	if g.routes.Load() == nil {
		if err := g.learn(r.Context()); err != nil {
			g.notYet.ServeHTTP(w, r)
			return
		}
	}
	g.routes.Load().ServeHTTP(w, r)
}

// succeed takes over what a gateway before this one knows of the same provider,
// so that nothing that is known has to be asked again. The error says that this
// one cannot answer where the other could, or why ctx ended.
func (g *gateway) succeed(ctx context.Context, before *gateway) error {
	if g.settings.UpstreamSocket == before.settings.UpstreamSocket {
		g.source.CopyFrom(before.source)
	}
	if g.knowsEnough() {
		return nil
	}
	err := g.learn(ctx)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && before.ready() && !g.ready():
		return fmt.Errorf("the endpoints cannot be learnt: %w", err)
	}
	return nil
}

// ready reports whether requests can be answered.
func (g *gateway) ready() bool { return g.routes.Load() != nil }

// learn asks the provider who it is and where its endpoints are, and builds
// routes if that is news. A document that arrived before one that was applied
// already changes nothing. Failing and recovering are each logged once.
func (g *gateway) learn(ctx context.Context) error {
	known, err := g.source.Provider(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		if !g.failed && ctx.Err() == nil {
			g.log.Warn("the provider's metadata cannot be read", "err", err.Error())
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
	g.log.Info("endpoints known", "issuer", known.Issuer, "endpoints", slices.Sorted(maps.Keys(g.fronted(known))))
	return nil
}

// keepLearning learns until ctx ends: soon again after a failure, and later
// once per lifetime of a metadata document, because endpoints come and go.
func (g *gateway) keepLearning(ctx context.Context) {
	if g.knowsEnough() {
		return
	}
	const shortest, longest = 500 * time.Millisecond, 30 * time.Second
	wait := shortest
	for ctx.Err() == nil {
		pause := g.settings.MetadataTTL
		if g.learn(ctx) == nil {
			wait = shortest
		} else {
			// #nosec G404 -- whoever guesses it knows when the provider is asked
			pause = wait/2 + rand.N(wait/2)
			wait = min(2*wait, longest)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// knowsEnough reports whether the configuration says everything that could be
// learnt.
func (g *gateway) knowsEnough() bool {
	return len(g.settings.Endpoints) > 0 && (g.settings.Realm != "" || g.settings.Issuer != "") &&
		(g.settings.IssuerMode == wellknown.IssuerPreserve || g.settings.Issuer != "")
}

// issuer returns the provider's issuer. Empty means that it is not known.
func (g *gateway) issuer(known wellknown.Provider) string {
	if known.Issuer != "" {
		return known.Issuer
	}
	return g.settings.Issuer
}

// target returns where the requests of an endpoint go.
func (g *gateway) target(endpoint *url.URL) *url.URL {
	target := *g.settings.Upstream
	target.Path, target.RawPath, target.RawQuery = endpoint.Path, endpoint.RawPath, endpoint.RawQuery
	return &target
}

// realm returns the realm of challenges.
func (g *gateway) realm(known wellknown.Provider) string {
	switch {
	case g.settings.Realm != "":
		return g.settings.Realm
	case g.issuer(known) != "":
		return g.issuer(known)
	case g.settings.PublicURL != nil:
		return g.settings.PublicURL.String()
	}
	return g.settings.Upstream.Host
}

// fronted returns the endpoints that are fronted: those that are configured
// before those that the provider names.
func (g *gateway) fronted(known wellknown.Provider) map[clientauth.Endpoint]*url.URL {
	if len(g.settings.Endpoints) > 0 {
		return g.settings.Endpoints
	}
	return known.Endpoints
}
