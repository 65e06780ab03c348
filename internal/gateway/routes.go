package gateway

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/tracing"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

// routes are the routes for what is known of the provider.
type routes struct {
	router *mux.Router
	known  wellknown.Provider
	paths  map[clientauth.Endpoint]string // of the fronted endpoints
}

// ServeHTTP implements [http.Handler]. The router's own method would copy the request to
// store the route in its context.
func (r *routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var match mux.RouteMatch
	r.router.Match(req, &match) // the last route matches everything
	match.Handler.ServeHTTP(w, req)
}

// build builds the routes. The router neither cleans paths nor redirects: clients would send
// their secrets again to the target of a 307. The query of an endpoint, which clients may
// omit, tells it from another one at the same path.
func (g *Gateway) build(known wellknown.Provider) error {
	router := mux.NewRouter().SkipClean(true)
	refused := router.NewRoute()
	byLocation, byQuery, byPath := router.NewRoute().Subrouter(), router.NewRoute().Subrouter(), router.NewRoute().Subrouter()
	paths := map[clientauth.Endpoint]string{}
	var endpoints, managed []string // normalized
	fronted := g.fronted(known)
	for _, name := range clientauth.Endpoints() {
		u, untranslated := fronted[name], name == clientauth.Registration && !g.settings.Registration.Translate
		if u == nil || untranslated && !g.settings.Passthrough {
			continue
		}
		paths[name] = u.Path
		if untranslated {
			continue
		}
		handler, err := g.endpoint(name, u, known)
		if err != nil {
			return err
		}
		normal := proxy.NormalizePath(u.EscapedPath())
		matches := matchPath(normal)
		if name == clientauth.Registration {
			managed = []string{normal, proxy.NormalizePath(cmp.Or(g.settings.Registration.ClientConfiguration, normal))}
			matches = matchRegistration(managed)
		} else {
			endpoints = append(endpoints, normal)
		}
		if u.RawQuery != "" {
			g.handle(byQuery, string(name), matchQuery(u.Query(), matches), handler)
		}
		g.handle(byPath, string(name), matches, handler)
	}
	matches, metadata := g.metadata(known, paths)
	notFound := g.errorHandler(proxy.ErrNotFound)
	refused.MatcherFunc(matchLookalikes(endpoints, managed)).Handler(notFound)
	g.handle(byLocation, "metadata", matches, metadata)
	router.Methods(http.MethodConnect, http.MethodTrace).Handler(notFound) // a tunnel, and an echo of credentials
	router.NewRoute().Handler(g.passthrough(known))
	g.routes.Store(&routes{router: router, known: known, paths: paths})
	return nil
}

// metadata returns the handler of the metadata, and the matcher of its requests. Clients make
// up locations other than the issuer's, so requests that may wait for those are limited.
func (g *Gateway) metadata(known wellknown.Provider, paths map[clientauth.Endpoint]string) (mux.MatcherFunc, http.Handler) {
	documents := wellknown.New(wellknown.Config{
		Source: g.source, Issuer: known.Issuer, Endpoints: paths, StripCORS: g.settings.CORS != nil,
		WriteError: proxy.WriteError, LogRequest: proxy.LogRequest, Log: g.log, Metrics: g.telemetry.Metrics,
	})
	matches := func(r *http.Request, _ *mux.RouteMatch) bool {
		return (r.Method == http.MethodGet || r.Method == http.MethodHead) && documents.Serves(r.URL.Path)
	}
	return matches, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.config.Admit != nil && !documents.ServesOwn(r.URL.Path) {
			if !g.config.Admit(r.Context(), false, false) {
				proxy.WriteError(w, r, proxy.ErrTooManyStreams)
				return
			}
			defer g.config.Release(r.Context())
		}
		documents.ServeHTTP(w, r)
	})
}

func (g *Gateway) endpoint(name clientauth.Endpoint, u *url.URL, known wellknown.Provider) (http.Handler, error) {
	target := *g.settings.UpstreamOrigin
	target.Path, target.RawPath, target.RawQuery = u.Path, u.RawPath, u.RawQuery
	c := proxy.Config{
		Endpoint: name, Target: &target, Rules: g.settings.Rules,
		Challenge: g.settings.Challenge, Realm: g.realm(known), Timeout: g.settings.Upstream.Timeout,
		Transport: g.config.Transports.Fronted, StripCORS: g.settings.CORS != nil,
		Proxies: g.settings.Proxies, Failures: g.config.Limiter, OnDecision: g.telemetry.OnDecision, Metrics: g.telemetry.Metrics, Log: g.log,
	}
	if name != clientauth.Registration {
		return proxy.New(c)
	}
	return proxy.NewRegistration(proxy.RegistrationConfig{
		Config: c, Clients: g.settings.Registration.ClientConfiguration, URLMap: g.source.URLMap(known.Issuer),
	}), nil
}

func (g *Gateway) passthrough(known wellknown.Provider) http.Handler {
	if !g.settings.Passthrough {
		return g.errorHandler(proxy.ErrNotFound)
	}
	c := proxy.PassthroughConfig{
		Upstream: g.settings.UpstreamOrigin, Transport: g.config.Transports.Passthrough, Proxies: g.settings.Proxies,
		Admit: g.config.Admit, Release: g.config.Release, Metrics: g.telemetry.Metrics, Log: g.log,
	}
	if g.settings.IssuerMode == wellknown.IssuerRewrite {
		c.URLMap = g.source.URLMap(known.Issuer)
	}
	return g.instrument(proxy.Passthrough, proxy.NewPassthrough(c))
}

// instrument counts, times and traces the requests that a handler serves, under the name of
// an endpoint. A request without a response is not counted.
func (g *Gateway) instrument(name string, next http.Handler) http.Handler {
	m := g.telemetry.Metrics
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder, w := responserecorder.Wrap(w)
		r, endSpan := g.telemetry.Tracing.Start(name, r, g.settings.Proxies.TrustsPeer)
		defer func() { endSpan(recorder.Status()) }()
		m.RequestsInFlight(name, 1)
		defer m.RequestsInFlight(name, -1)
		next.ServeHTTP(w, r)
		status := cmp.Or(recorder.Status(), http.StatusOK) // net/http writes it then
		m.Request(name, r.Method, status, time.Since(start), tracing.ID(r.Context()))
	})
}

// handle routes the requests that match to a handler, and answers their CORS preflights.
func (g *Gateway) handle(router *mux.Router, name string, matches mux.MatcherFunc, handler http.Handler) {
	handler = g.instrument(name, handler)
	if g.settings.CORS != nil {
		router.MatcherFunc(matchPreflight(matches)).Handler(g.instrument(name, g.preflight(name)))
		handler = g.settings.CORS.Handler(handler)
	}
	router.MatcherFunc(matches).Handler(handler)
}

// preflight answers preflights, all with one status: the header fields say what is allowed.
func (g *Gateway) preflight(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		g.settings.CORS.HandlerFunc(w, r)
		outcome := "preflight_allowed"
		if w.Header().Get("Access-Control-Allow-Origin") == "" {
			outcome = "preflight_refused"
		}
		g.logRequest(r, start, name, http.StatusNoContent, outcome)
	})
}

// errorHandler answers every request with one error.
func (g *Gateway) errorHandler(e *clientauth.Error) http.Handler {
	const name = "unknown"
	return g.instrument(name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		proxy.WriteError(w, r, e)
		g.logRequest(r, start, name, e.Status, e.Reason)
	}))
}

func (g *Gateway) logRequest(r *http.Request, start time.Time, endpoint string, status int, outcome string) {
	proxy.LogRequest(r.Context(), g.log, slog.LevelInfo, start,
		slog.String("endpoint", endpoint), slog.Int("status", status), slog.String("outcome", outcome))
}
