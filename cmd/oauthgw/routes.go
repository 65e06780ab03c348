package main

import (
	"log/slog"
	"net/http"
	"path"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

// build makes the routes for what is known of the provider.
//
// The router neither cleans nor redirects: a 307 to the clean path would make
// clients send their secret again. Instead every spelling that the provider
// might route to an endpoint is that endpoint.
func (g *gateway) build(known wellknown.Provider) error {
	router := mux.NewRouter().SkipClean(true)
	paths := map[clientauth.Endpoint]string{}
	fronted := g.fronted(known)
	for _, name := range clientauth.Endpoints() {
		u, ok := fronted[name]
		if !ok {
			continue
		}
		handler, err := proxy.New(proxy.Config{
			Endpoint: name, Target: g.target(u), Rules: g.settings.rules,
			Challenge: g.settings.challenge, Realm: g.realm(known), Timeout: g.settings.timeout,
			Transport: g.transport, Metrics: g.metrics, Log: g.log,
		})
		if err != nil {
			return err
		}
		paths[name] = u.Path
		router.MatcherFunc(hides(u.Path)).Handler(g.notFound)
		router.MatcherFunc(leadsTo(u.Path)).Handler(g.metrics.Instrument(string(name), handler))
	}
	documents, err := wellknown.New(wellknown.Config{Source: g.source, Endpoints: paths, Metrics: g.metrics, Log: g.log})
	if err != nil {
		return err
	}
	router.MatcherFunc(isMetadata).Handler(g.metrics.Instrument("metadata", documents))
	router.PathPrefix("/").Handler(g.rest)
	router.NotFoundHandler = g.notFound
	g.routes.Store(&routes{Handler: router, known: known})
	return nil
}

// leadsTo matches the spellings of an endpoint's path: doubled slashes, dots, a
// slash at the end, escapes. DELETE and OPTIONS are not token requests (RFC
// 6749 section 3.2 knows POST only) but some providers' own, and CORS.
func leadsTo(endpoint string) mux.MatcherFunc {
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		return r.Method != http.MethodDelete && r.Method != http.MethodOptions && path.Clean(r.URL.Path) == path.Clean(endpoint)
	}
}

// hides matches an endpoint's path with an encoded slash in it, which servers
// read in two ways.
func hides(endpoint string) mux.MatcherFunc {
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		return path.Clean(r.URL.Path) == path.Clean(endpoint) && strings.Contains(strings.ToLower(r.URL.EscapedPath()), "%2f")
	}
}

func isMetadata(r *http.Request, _ *mux.RouteMatch) bool {
	_, ok := wellknown.Location(r.URL.Path)
	return ok && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// refusal answers every request with one refusal.
func refusal(e *clientauth.Error, m *metrics.Metrics, l *slog.Logger) http.Handler {
	return m.Instrument("unknown", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := proxy.Refuse(w, e)
		l.LogAttrs(r.Context(), slog.LevelInfo, "exchange",
			slog.String("endpoint", "unknown"), slog.Int("status", status), slog.String("outcome", e.Reason))
	}))
}
