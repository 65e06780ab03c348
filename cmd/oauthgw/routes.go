package main

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/tracing"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

// build makes the routes for what is known of the provider.
//
// The router neither cleans nor redirects: a 307 to the clean path would make
// clients send their secret again. Instead every spelling of an endpoint's path is
// that endpoint, and a path that only some servers take for one is refused. An
// endpoint's own query, which clients may leave out, tells it from another at the
// same path.
func (g *gateway) build(known wellknown.Provider) error {
	router := mux.NewRouter().SkipClean(true)
	refused := router.NewRoute()
	byLocation, byQuery, byPath := router.NewRoute().Subrouter(), router.NewRoute().Subrouter(), router.NewRoute().Subrouter()
	paths := map[clientauth.Endpoint]string{}
	var spelled []string // the paths of the other endpoints that have a handler
	var places []string  // below which clients manage their registration
	fronted := g.fronted(known)
	for _, name := range clientauth.Endpoints() {
		u, ok := fronted[name]
		if !ok {
			continue
		}
		matches, handler, err := g.endpoint(name, u, known)
		if err != nil {
			return err
		}
		if handler != nil || g.settings.Passthrough {
			paths[name] = u.Path
		}
		if handler == nil {
			continue
		}
		if name == clientauth.Registration {
			places = g.places(u)
		} else {
			spelled = append(spelled, proxy.NormalizePath(u.EscapedPath()))
		}
		if u.RawQuery != "" {
			g.front(byQuery, string(name), having(u.Query(), matches), handler)
		}
		g.front(byPath, string(name), matches, handler)
	}
	documents := wellknown.New(wellknown.Config{Source: g.source, Issuer: g.issuer(known), Endpoints: paths, StripCORS: g.settings.CORS != nil,
		WriteError: proxy.WriteError, LogRequest: proxy.LogRequest, Log: g.log, Metrics: g.metrics})
	refused.MatcherFunc(newLookalikes(spelled, places, func(r *http.Request) bool {
		return slices.Contains(spelled, spelling(r)) || len(places) > 0 && spelling(r) == places[0] || manages(r, places)
	}).match).Handler(g.notFound)
	g.front(byLocation, "metadata", on(documents.Serves, http.MethodGet, http.MethodHead), admitted(documents))
	router.MatcherFunc(isForNobody).Handler(g.notFound)
	router.NewRoute().Handler(g.rest(known))
	g.routes.Store(&routes{router: router, known: known, paths: paths})
	return nil
}

// endpoint returns the handler of an endpoint and what leads to it. The handler
// is nil for one that passes as it is.
func (g *gateway) endpoint(name clientauth.Endpoint, u *url.URL, known wellknown.Provider) (mux.MatcherFunc, http.Handler, error) {
	c := proxy.Config{
		Endpoint: name, Target: g.target(u), Rules: g.settings.Rules,
		Challenge: g.settings.Challenge, Realm: g.realm(known), Timeout: g.settings.UpstreamTimeout,
		Transport: g.to.fronted, StripCORS: g.settings.CORS != nil,
		Proxies: g.settings.Proxies, Failures: g.failures, OnDecision: g.decided, Metrics: g.metrics, Log: g.log,
	}
	if name != clientauth.Registration {
		handler, err := proxy.New(c)
		return leadsTo(u), handler, err
	}
	if !g.settings.TranslateRegistration {
		return nil, nil, nil
	}
	return g.registers(u),
		proxy.NewRegistration(proxy.RegistrationConfig{Config: c, Clients: g.clients, URLMap: g.source.URLMap(g.issuer(known))}), nil
}

// places returns the paths below which clients manage their registration: that of the
// registration endpoint, and the one that is configured.
func (g *gateway) places(endpoint *url.URL) []string {
	places := []string{proxy.NormalizePath(endpoint.EscapedPath())}
	if g.clients != "" {
		places = append(places, proxy.NormalizePath(string(g.clients)))
	}
	return places
}

// rest returns the handler of every path that is no endpoint.
func (g *gateway) rest(known wellknown.Provider) http.Handler {
	if !g.settings.Passthrough {
		return g.notFound
	}
	c := proxy.PassthroughConfig{Upstream: g.settings.Upstream, Transport: g.to.rest, Proxies: g.settings.Proxies, Admit: admit, Release: release, Metrics: g.metrics, Log: g.log}
	if g.settings.IssuerMode == wellknown.IssuerRewrite {
		c.URLMap = g.source.URLMap(g.issuer(known))
	}
	return g.observed(proxy.Passthrough, proxy.NewPassthrough(c))
}

// observed counts, times and traces the requests that a handler serves, under the name of
// an endpoint. A request without a response is not counted.
func (g *gateway) observed(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder, w := responserecorder.Wrap(w)
		r, endSpan := g.tracing.Start(name, r, g.settings.Proxies.TrustsPeer)
		defer func() { endSpan(recorder.Status()) }()
		g.metrics.RequestsInFlight(name, 1)
		defer g.metrics.RequestsInFlight(name, -1)
		next.ServeHTTP(w, r)
		status := cmp.Or(recorder.Status(), http.StatusOK) // what net/http writes then
		g.metrics.Request(name, r.Method, status, time.Since(start), tracing.ID(r.Context()))
	})
}

// front puts a handler where pages of other origins may be let in: their
// preflights (the CORS protocol of the Fetch standard) are answered there, as
// far as any are let in.
func (g *gateway) front(router *mux.Router, name string, matches mux.MatcherFunc, handler http.Handler) {
	handler = g.observed(name, handler)
	if g.settings.CORS != nil {
		router.MatcherFunc(preflightOf(matches)).Handler(g.observed(name, g.preflight(name)))
		handler = g.settings.CORS.Handler(handler)
	}
	router.MatcherFunc(matches).Handler(handler)
}

// preflight answers preflights. What a page may not do shows in what the answer
// leaves out, so its status is the same for all.
func (g *gateway) preflight(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		g.settings.CORS.HandlerFunc(w, r)
		outcome := "preflight_allowed"
		if w.Header().Get("Access-Control-Allow-Origin") == "" {
			outcome = "preflight_refused"
		}
		proxy.LogRequest(r.Context(), g.log, slog.LevelInfo, start,
			slog.String("endpoint", name), slog.Int("status", http.StatusNoContent), slog.String("outcome", outcome))
	})
}

// refusal answers every request with one refusal.
func (g *gateway) refusal(e *clientauth.Error) http.Handler {
	return g.observed("unknown", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		proxy.WriteError(w, r, e)
		proxy.LogRequest(r.Context(), g.log, slog.LevelInfo, start,
			slog.String("endpoint", "unknown"), slog.Int("status", e.Status), slog.String("outcome", e.Reason))
	}))
}
