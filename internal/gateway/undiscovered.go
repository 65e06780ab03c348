package gateway

import (
	"cmp"
	"net/http"
	"slices"

	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

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
		g.settings.Clients.Mentions(r.URL.RawQuery)
}

// refuseUndiscovered refuses a possible token request, whose endpoint is not known, with what
// was found at the first location of the metadata.
func (g *Gateway) refuseUndiscovered(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	err := g.err
	g.mu.Unlock()
	proxy.WriteError(w, wellknown.Explain(*proxy.ErrEndpointsUnknown, err))
}
