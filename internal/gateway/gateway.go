// Package gateway routes requests to the fronted endpoints, the metadata or the provider,
// and replaces the routes when the configuration or the metadata of the provider changes.
//
// Its files in the order of a request:
//
//	reload.go        serves with the current gateway, and replaces it when a file changes
//	gateway.go       checks the target, the path and the Host
//	routes.go        finds the handler, by the matchers of match.go and lookalike.go, and
//	                 authorization.go that of the authorization endpoint
//	instrument.go    counts, times, traces and logs requests, and answers preflights and errors
//	discovery.go     finds the endpoints in the provider's metadata, logs its problems, and decides
//	                 which requests pass before that
package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/config"
	"oauthgw/internal/origin"
	"oauthgw/internal/state"
	"oauthgw/internal/tracing"
	"oauthgw/internal/upstream"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"oauthgw/wellknown"
)

// Config configures a [Gateway]. Only Settings, Metrics and Log are required.
type Config struct {
	Settings   config.Settings
	Metrics    *metrics.Metrics
	Log        *slog.Logger
	Tracing    *tracing.Tracing
	OnDecision func(context.Context, proxy.Decision) // for each request at a fronted endpoint
	Limiter    *authlimit.Limiter                    // of failed client authentication; nil: none
	State      state.Store                           // outlives the gateway; nil: a new one in memory
	Transports Transports                            // nil: connections to the provider
}

// Gateway answers requests by one configuration. It is safe for concurrent use.
type Gateway struct {
	config   Config
	settings config.Settings
	log      *slog.Logger
	source   *wellknown.Source

	routes       atomic.Pointer[routes] // nil until the endpoints are known
	undiscovered *routes                // until then

	users   atomic.Int64 // requests in flight, and one while the gateway is current
	retired atomic.Bool  // it was replaced, and keeps no idle connections

	mu      sync.Mutex // serializes discovery
	failed  bool       // the last discovery failed, and was logged
	err     error      // of the last discovery
	fetched time.Time  // when the metadata that the routes were compared with last was fetched
}

// Transports are the transports to the provider: to the fronted endpoints, to its metadata,
// and to all other paths. They share no connections, so that none starves another.
type Transports struct {
	Fronted, Metadata, Passthrough http.RoundTripper
}

func newTransports(s config.Settings, t *tracing.Tracing) Transports {
	age := s.Upstream.MaxConnectionAge
	metadata := proxy.NewPassthroughTransport(s.UpstreamSocket, s.UpstreamTLS)
	metadata.MaxResponseHeaderBytes = 32 << 10
	return Transports{
		Fronted: t.Transport(upstream.New(upstream.Config{
			Server: s.UpstreamOrigin, Socket: s.UpstreamSocket, TLS: s.UpstreamTLS, MaxConnectionAge: age, Timeout: s.Upstream.Timeout})),
		Metadata:    t.Transport(proxy.LimitConnectionAge(metadata, age)),
		Passthrough: t.Transport(proxy.LimitConnectionAge(proxy.NewPassthroughTransport(s.UpstreamSocket, s.UpstreamTLS), age)),
	}
}

// New returns a gateway that has sent no request yet.
func New(c Config) *Gateway {
	s := c.Settings
	if c.Transports.Fronted == nil {
		c.Transports = newTransports(s, c.Tracing)
	}
	if c.State == nil {
		c.State = state.NewMemory()
	}
	source := wellknown.NewSource(wellknown.SourceConfig{
		Upstream: s.UpstreamOrigin, Host: s.Upstream.Host, Public: s.PublicOrigin, Rewrite: s.RewriteIssuer, Passthrough: s.Passthrough, Expected: s.Upstream.Issuer, Patch: s.MetadataPatch,
		ProviderAuth: s.Clients.ProviderAuth(""), Resources: s.Resources, Scopes: s.Repair.Requests.Scope.Added(),
		Agents:    wellknown.Agents{Public: s.Clients.HasPublic(), Documents: s.Clients.HasAliases(), Registers: s.Clients.Registers(), NeedPKCE: s.Clients.NeedPKCE(), Algorithms: s.Clients.Algorithms()},
		Transport: c.Transports.Metadata, TTL: s.Metadata.TTL, StaleFor: s.Metadata.StaleFor, Entries: s.Metadata.Entries, Metrics: c.Metrics,
	})
	g := &Gateway{config: c, settings: s, log: c.Log, source: source}
	g.users.Store(1)
	g.undiscovered = g.build(wellknown.Provider{Issuer: s.Upstream.Issuer, Endpoints: s.Endpoints})
	if len(s.Endpoints) > 0 {
		g.routes.Store(g.undiscovered)
	}
	return g
}

// ServeHTTP routes a request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var refusal *clientauth.Error
	switch path, ok := proxy.TargetPath(r); {
	case !ok:
		refusal = proxy.ErrTarget
	case len(path) > proxy.MaxPath:
		refusal = proxy.ErrLongPath
	case !validHost(r):
		refusal = proxy.ErrHost
	default:
		g.routesFor(r).handler(r).ServeHTTP(w, r)
		return
	}
	g.errorHandler(refusal).ServeHTTP(w, r)
}

// Ready reports whether the endpoints are known.
func (g *Gateway) Ready() bool { return g.routes.Load() != nil }

// Settings returns the configuration of the gateway.
func (g *Gateway) Settings() config.Settings { return g.settings }

// TrustsPeer reports whether a request's connection comes from a trusted proxy.
func (g *Gateway) TrustsPeer(r *http.Request) bool { return g.settings.Proxies.TrustsPeer(r) }

// Known returns what the routes were built from, with the configured issuer if none was
// discovered, and the paths of the fronted endpoints.
func (g *Gateway) Known() (wellknown.Provider, map[clientauth.Endpoint]string) {
	if now := g.routes.Load(); now != nil {
		return now.known, now.paths
	}
	return wellknown.Provider{Issuer: g.settings.Upstream.Issuer}, nil
}

// Snapshots returns what is cached of the issuer's metadata, and its problems. It sends nothing.
func (g *Gateway) Snapshots() (snapshots []wellknown.Snapshot, problems []string) {
	known, paths := g.Known()
	snapshots, problems = g.source.Snapshots(known.Issuer, paths)
	return snapshots, append(problems, g.authorizationProblems()...)
}

// PublicOrigin returns the origin that clients use. Empty means that it is unknown.
func (g *Gateway) PublicOrigin() string {
	known, _ := g.Known()
	if public := cmp.Or(g.settings.PublicOrigin, origin.Of(known.Issuer)); public != nil {
		return public.String()
	}
	return ""
}

// leave counts a request out. The last one closes a gateway that was replaced. Every other
// one closes its idle connection, because a stream can keep a replaced gateway for hours.
func (g *Gateway) leave() {
	switch {
	case g.users.Add(-1) == 0:
		g.Close()
	case g.retired.Load():
		g.closeIdleConnections()
	}
}

func (g *Gateway) closeIdleConnections() {
	t := g.config.Transports
	for _, t := range []http.RoundTripper{t.Fronted, t.Metadata, t.Passthrough} {
		(&http.Client{Transport: t}).CloseIdleConnections()
	}
}

// Close aborts fetches of metadata and closes the idle connections to the provider.
func (g *Gateway) Close() {
	g.source.Close()
	g.closeIdleConnections()
}

// newState returns the state of a configuration, which all gateways share.
func (r *Reloader) newState(s config.Settings, m *metrics.Metrics) state.Store {
	memory := state.NewMemory()
	m.Assertions(func() time.Duration { return r.Current().settings.Clients.KeysAge() }, memory.UsedIDs)
	if s.State.Redis == "" {
		return memory
	}
	store, err := state.NewRedis(state.Config{
		Redis: s.State.Redis, Roots: s.StateRoots, Password: func() string { return r.Current().settings.StatePassword.Reveal() },
		OnCheck: m.StateUp, OnError: func(operation string) { m.StateError.Inc(operation) },
	}, memory)
	if err != nil {
		panic(err) // config has validated the URL
	}
	return store
}
