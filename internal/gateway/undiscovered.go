package gateway

import (
	"errors"
	"net/http"

	"oauthgw/clientauth"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

// routesFor returns the routes for a request. Before discovery any path could be an endpoint.
// Requests for metadata and possible token requests wait for an attempt to discover the
// endpoints. All others do not, so that pages of the provider need no metadata.
func (g *Gateway) routesFor(r *http.Request) *routes {
	if g.Ready() {
		return g.routes.Load()
	}
	if (g.undiscovered.isMetadata(r, nil) || mayBeGrant(r)) && g.discover(r.Context()) == nil {
		return g.routes.Load()
	}
	return g.undiscovered
}

// mayBeGrant reports whether some server could read a request as a token request.
func mayBeGrant(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.ContentLength != 0 || clientauth.MayBeGrant(r.Header, r.URL.RawQuery)
	}
	return true
}

// refuseGrants refuses possible token requests, whose endpoint is not known yet. It passes the
// others on.
func (g *Gateway) refuseGrants(next http.Handler) http.Handler {
	refusal := g.instrument("unknown", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { proxy.WriteError(w, g.undiscoveredError()) }))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if mayBeGrant(r) {
			refusal.ServeHTTP(w, r)
		} else {
			next.ServeHTTP(w, r)
		}
	})
}

// undiscoveredError returns the error of requests before discovery, with what was found at the
// first location of the metadata.
func (g *Gateway) undiscoveredError() *clientauth.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := *proxy.ErrEndpointsUnknown
	if d, ok := errors.AsType[*wellknown.Diagnosis](g.err); ok {
		e.Description += " " + d.Sentences()
	}
	return &e
}

// whileTranslated matches registrations unless the metadata says that no client has a secret:
// the provider then gets them unchanged.
func (g *Gateway) whileTranslated(matches mux.MatcherFunc) mux.MatcherFunc {
	return func(r *http.Request, m *mux.RouteMatch) bool { return matches(r, m) && !g.source.TakesNoSecret() }
}
