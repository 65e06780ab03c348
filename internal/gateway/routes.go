package gateway

import (
	"cmp"
	"context"
	"net/http"
	"net/url"

	"oauthgw/clientauth"
	"oauthgw/internal/connlimit"
	"oauthgw/internal/origin"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

type routes struct {
	router *mux.Router
	known  wellknown.Provider
	paths  map[clientauth.Endpoint]string // of the fronted endpoints

	isMetadata mux.MatcherFunc
}

// handler returns the handler of a request. The router's ServeHTTP would copy the request.
func (r *routes) handler(req *http.Request) http.Handler {
	var match mux.RouteMatch
	r.router.Match(req, &match) // the last route matches everything
	return match.Handler
}

// build builds the routes. The router neither cleans paths nor redirects: clients would send
// their secrets again to the target of a 307. The query of an endpoint, which clients may
// omit, tells it from another one at the same path.
func (g *Gateway) build(known wellknown.Provider) *routes {
	router := mux.NewRouter().SkipClean(true)
	refused := router.NewRoute()
	byLocation, byQuery, byPath := router.NewRoute().Subrouter(), router.NewRoute().Subrouter(), router.NewRoute().Subrouter()
	paths := map[clientauth.Endpoint]string{}
	var endpoints, managed []string // normalized
	for _, name := range clientauth.Endpoints() {
		u, isOwn, untranslated := g.locate(name, known)
		if u == nil || untranslated && !g.settings.Passthrough {
			continue
		}
		paths[name] = u.Path
		if untranslated {
			continue
		}
		handler, normal := g.endpoint(name, u, known), proxy.NormalizePath(u.EscapedPath())
		matches := matchPath(normal)
		switch {
		case isOwn:
			matches = matchOwnRegistration(normal)
		case name == clientauth.Registration:
			managed = []string{normal, proxy.NormalizePath(cmp.Or(g.settings.Registration.ClientConfiguration, normal))}
			matches = matchRegistration(managed)
		default:
			endpoints = append(endpoints, normal)
		}
		if u.RawQuery != "" {
			g.handle(byQuery, string(name), matchQuery(u.Query(), matches), handler)
		}
		g.handle(byPath, string(name), matches, handler)
	}
	g.routeAuthorization(byQuery, byPath, known, paths, endpoints)
	matches, metadata := g.metadata(known, paths)
	notFound := g.errorHandler(proxy.ErrNotFound)
	refused.MatcherFunc(matchLookalikes(endpoints, managed)).Handler(notFound)
	g.handle(byLocation, "metadata", matches, metadata)
	router.Methods(http.MethodConnect, http.MethodTrace).Handler(notFound) // a tunnel, and an echo of credentials
	if len(known.Endpoints) == 0 {
		router.MatcherFunc(g.matchGrants).Handler(g.instrument("unknown", http.HandlerFunc(g.refuseUndiscovered)))
	}
	router.NewRoute().Handler(g.instrument(g.passthrough(known)))
	return &routes{router, known, paths, matches}
}

// locate returns the path and query of an endpoint; nil: there is none. A registration endpoint may be
// the gateway's own, or one that passes untranslated.
func (g *Gateway) locate(name clientauth.Endpoint, known wellknown.Provider) (u *url.URL, isOwn, untranslated bool) {
	u = known.Endpoints[name]
	if name != clientauth.Registration {
		return u, false, false
	}
	registers := g.settings.Clients.Registers()
	if isOwn = u == nil && registers && len(known.Endpoints) > 0; isOwn {
		u = &url.URL{Path: "/register"}
	}
	return u, isOwn, !registers && !g.settings.Registration.Translate
}

// metadata returns the handler of the metadata, and the matcher of its requests.
func (g *Gateway) metadata(known wellknown.Provider, paths map[clientauth.Endpoint]string) (mux.MatcherFunc, http.Handler) {
	c := wellknown.Config{
		Source: g.source, Issuer: known.Issuer, Endpoints: paths, StripCORS: g.settings.CORS != nil,
		WriteError: proxy.WriteError, Admit: admitMetadata, Release: connlimit.Release,
	}
	if g.settings.PublicOrigin == nil {
		c.Host = g.settings.Proxies.Host
		_, c.Pass = g.passthrough(known)
	}
	documents := wellknown.New(c)
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		return (r.Method == http.MethodGet || r.Method == http.MethodHead) && documents.Serves(r)
	}, documents
}

func admitMetadata(w http.ResponseWriter, r *http.Request) bool {
	admitted := connlimit.Admit(r.Context(), false, false)
	if !admitted {
		proxy.WriteError(w, proxy.ErrTooManyStreams)
	}
	return admitted
}

func (g *Gateway) endpoint(name clientauth.Endpoint, u *url.URL, known wellknown.Provider) http.Handler {
	target := *g.settings.UpstreamOrigin
	target.Path, target.RawPath, target.RawQuery = u.Path, u.RawPath, u.RawQuery
	c := proxy.Config{
		Endpoint: name, Target: &target, Rules: g.settings.Rules, Clients: g.settings.Clients, MayLend: known.Endpoints[clientauth.Authorization] != nil,
		Issuer: g.publicIssuer, State: g.config.State, Requests: g.settings.Repair.Requests, Replies: g.settings.Repair.Replies,
		Challenge: g.settings.Challenge, Realm: cmp.Or(g.settings.ClientAuth.Realm, known.Issuer, g.PublicOrigin(), g.settings.UpstreamOrigin.Host),
		Stall: g.settings.Timeouts.Stall, Host: g.settings.Upstream.Host,
		Transport: g.config.Transports.Fronted, StripCORS: g.settings.CORS != nil,
		Proxies: g.settings.Proxies, Failures: g.config.Limiter, OnDecision: g.config.OnDecision, Metrics: g.config.Metrics,
	}
	if name != clientauth.Registration {
		h, _ := proxy.New(c) // the configuration and the metadata give only queries that can be read
		return h
	}
	providerRegisters := g.source.Registers
	switch {
	case !g.settings.Clients.Registers():
		providerRegisters = nil
	case known.Endpoints[name] == nil: // the path is the gateway's
		providerRegisters = func(context.Context) bool { return false }
	}
	return proxy.NewRegistration(proxy.RegistrationConfig{
		Config: c, ClientConfiguration: g.settings.Registration.ClientConfiguration, URLMap: g.source.URLMap(known.Issuer),
		TakesNoSecret: func() bool { return !g.settings.Registration.Translate || g.source.TakesNoSecret() }, ProviderRegisters: providerRegisters, Log: g.log,
	})
}

// passthrough returns the handler of all other paths, and its name in logs and metrics.
func (g *Gateway) passthrough(known wellknown.Provider) (name string, _ http.Handler) {
	if !g.settings.Passthrough {
		return "unknown", refuse(proxy.ErrNotFound)
	}
	return proxy.Passthrough, proxy.NewPassthrough(g.passthroughConfig(known))
}

func (g *Gateway) passthroughConfig(known wellknown.Provider) proxy.PassthroughConfig {
	c := proxy.PassthroughConfig{
		Upstream: g.settings.UpstreamOrigin, Transport: wellknown.CheckResources(g.config.Transports.Passthrough), Proxies: g.settings.Proxies,
		Stall: g.settings.Timeouts.Stall, Host: g.settings.Upstream.Host,
		Metrics: g.config.Metrics, ResourceMetadata: g.resourceMetadata(known),
	}
	if g.settings.RewriteIssuer {
		c.URLMap = g.source.URLMap(known.Issuer)
	}
	return c
}

// resourceMetadata returns [proxy.PassthroughConfig.ResourceMetadata]. Without public_url, a path at
// another host than that of the issuer is not the resource.
func (g *Gateway) resourceMetadata(known wellknown.Provider) func(*http.Request) string {
	public := g.source.URLMap(known.Issuer).To
	return func(r *http.Request) string {
		isHere := public != nil && (g.settings.PublicOrigin != nil || origin.HasHost(public, g.settings.Proxies.Host(r)))
		for _, resource := range g.settings.Resources {
			if isHere && normalizedPath(r) == proxy.NormalizePath(resource.Path) {
				return public.String() + resource.Location()
			}
		}
		return ""
	}
}
