package gateway

import (
	"net/http"
	"slices"

	"oauthgw/clientauth"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/gorilla/mux"
)

// routeAuthorization routes the requests to the authorization endpoint if they are to be
// repaired. Web pages do not read its responses, so there is no CORS (RFC 9700 section 2.6), and
// a path without the endpoint's query is another page. Endpoints are the normalized paths of
// others.
func (g *Gateway) routeAuthorization(byQuery, byPath *mux.Router, known wellknown.Provider, paths map[clientauth.Endpoint]string, endpoints []string) {
	u := known.Endpoints[clientauth.Authorization]
	if u == nil || g.settings.Repair.Requests.IsZero() {
		return
	}
	paths[clientauth.Authorization] = u.Path
	router, matches := byPath, matchAuthorization(proxy.NormalizePath(u.EscapedPath()), endpoints)
	if u.RawQuery != "" {
		router, matches = byQuery, matchQuery(u.Query(), matches)
	}
	c := g.passthroughConfig(known)
	c.Endpoint, c.Requests = string(clientauth.Authorization), g.settings.Repair.Requests
	router.MatcherFunc(matches).Handler(g.instrument(c.Endpoint, proxy.NewPassthrough(c)))
}

// matchAuthorization matches the requests to the authorization endpoint at a path (RFC 6749
// section 3.1), in its spellings. If another endpoint has the same path, a provider may find in the
// form that a request is for that endpoint, which checks it.
func matchAuthorization(own string, endpoints []string) mux.MatcherFunc {
	shared := slices.Contains(endpoints, own)
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		return (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodPost) && normalizedPath(r) == own && !(shared && hasGrant(r))
	}
}

// unrepaired returns a problem if requests are repaired and the authorization endpoint is not
// fronted.
func (g *Gateway) unrepaired() []string {
	_, paths := g.Known()
	_, fronted := paths[clientauth.Authorization]
	switch {
	case fronted, g.settings.Repair.Requests.IsZero(), !g.Ready():
		return nil
	case len(g.settings.Endpoints) > 0:
		return []string{"repair.requests does not change authorization requests, because endpoints.authorization is missing. Set it to the path of the authorization endpoint."}
	}
	return []string{"repair.requests does not change authorization requests, because the metadata names no authorization_endpoint on the origin that clients use. " +
		"Correct public_url, let the endpoint lead through oauthgw with metadata.issuer: rewrite, or set endpoints, with endpoints.authorization."}
}
