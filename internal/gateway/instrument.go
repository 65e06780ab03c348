package gateway

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/tracing"
	"oauthgw/proxy"

	"github.com/gorilla/mux"
)

// instrument counts, times and traces the requests that a handler serves, under the name of
// an endpoint. A request without a response is not counted.
func (g *Gateway) instrument(name string, next http.Handler) http.Handler {
	m := g.config.Metrics.Endpoint(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder, w := responserecorder.Wrap(w)
		r, endSpan := g.config.Tracing.Start(name, r, g.settings.Proxies.TrustsPeer)
		defer func() { endSpan(recorder.Status()) }()
		m.InFlight(1)
		defer m.InFlight(-1)
		next.ServeHTTP(w, r)
		status := cmp.Or(recorder.Status(), http.StatusOK) // net/http writes it then
		m.Request(r.Method, status, time.Since(start), tracing.ID(r.Context()))
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
