package gateway

import (
	"net/http"
	"slices"

	"oauthgw/clientauth"
	"oauthgw/internal/repair"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

// routeAuthorization routes the requests to the authorization endpoint if they are to be judged or
// repaired. Web pages do not read its responses, so there is no CORS (RFC 9700 section 2.6), and a
// path without the endpoint's query is another page. Endpoints has the normalized paths of the others.
func (g *Gateway) routeAuthorization(byQuery, byPath *mux.Router, known wellknown.Provider, paths map[clientauth.Endpoint]string, endpoints []string) {
	u, table := known.Endpoints[clientauth.Authorization], g.settings.Clients
	if u == nil || g.settings.Repair.Requests.IsZero() && !table.HasPublic() {
		return
	}
	paths[clientauth.Authorization] = u.Path
	c := g.passthroughConfig(known)
	c.Endpoint, c.Requests = string(clientauth.Authorization), g.settings.Repair.Requests
	c.Authorization = proxy.Authorization{Clients: table, Pushes: known.Endpoints[clientauth.PushedAuthorizationRequest] != nil,
		Only: !g.settings.Passthrough && c.Requests.IsZero()}
	elsewhere := c
	elsewhere.Requests = repair.Requests{}
	elsewhere.Authorization.Elsewhere, elsewhere.Authorization.Only = true, !g.settings.Passthrough
	normal := proxy.NormalizePath(u.EscapedPath())
	router, matches := byPath, matchAuthorization(normal, endpoints, table.HasPublic())
	if u.RawQuery != "" {
		router = byQuery
		if table.HasPublic() {
			byPath.MatcherFunc(matches).Handler(g.instrument(c.Endpoint, proxy.NewPassthrough(elsewhere)))
		}
		matches = matchQuery(u.Query(), matches)
	}
	router.MatcherFunc(matches).Handler(g.instrument(c.Endpoint, proxy.NewPassthrough(c)))
	if table.HasPublic() {
		byPath.MatcherFunc(matchLookalikes([]string{normal}, nil)).Handler(g.instrument(c.Endpoint, proxy.NewPassthrough(elsewhere)))
	}
}

// matchAuthorization matches the requests to the authorization endpoint at a path (RFC 6749
// section 3.1), in its spellings; with every method if they are judged. If another endpoint has the
// same path, a provider may find in the form that a request is for that endpoint, which checks it.
func matchAuthorization(own string, endpoints []string, judged bool) mux.MatcherFunc {
	shared := slices.Contains(endpoints, own)
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		ofEndpoint := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodPost ||
			judged && r.Method != http.MethodConnect && r.Method != http.MethodTrace
		return ofEndpoint && normalizedPath(r) == own && !(shared && hasGrant(r))
	}
}

// authorizationProblems says why authorization requests cannot be judged or repaired as configured.
func (g *Gateway) authorizationProblems() []string {
	_, paths := g.Known()
	_, fronted := paths[clientauth.Authorization]
	judges, effect := g.settings.Clients.HasPublic(), "repair.requests does not change authorization requests"
	if judges {
		effect = "clients: the secrets of public clients are not lent, and their requests are answered with 503"
	}
	switch {
	case fronted, g.settings.Repair.Requests.IsZero() && !judges, !g.Ready():
		return nil
	case len(g.settings.Endpoints) > 0:
		return []string{effect + ", because endpoints.authorization is missing. Set it to the path of the authorization endpoint."}
	}
	return []string{effect + ", because the metadata names no authorization_endpoint on the origin that clients use. " +
		"Correct public_url, let the endpoint lead through oauthgw with metadata.issuer: rewrite, or set endpoints, with endpoints.authorization."}
}
