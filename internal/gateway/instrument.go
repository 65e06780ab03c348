package gateway

import (
	"log/slog"
	"net/http"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/tracing"
	"oauthgw/proxy"

	"github.com/gorilla/mux"
)

// instrument counts, times, traces and logs a handler's requests under the name of an endpoint.
func (g *Gateway) instrument(name string, next http.Handler) http.Handler {
	m := g.config.Metrics.Endpoint(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, returned := time.Now(), false
		recorder, w := responserecorder.Wrap(w)
		r, endSpan := g.config.Tracing.Start(name, r, g.settings.Proxies.TrustsPeer)
		m.InFlight(1)
		defer func() {
			status, end := recorder.Result(returned)
			d := time.Since(start)
			endSpan(status)
			if end == responserecorder.Provider {
				recorder.Level = slog.LevelWarn
			}
			m.Request(r.Method, status, end, d, tracing.ID(r.Context()))
			g.logRequest(r, recorder, d, slog.String("endpoint", name), slog.Int("status", status), slog.String("end", end))
			m.InFlight(-1)
		}()
		next.ServeHTTP(w, r)
		returned = true
	})
}

// logRequest writes the log line of a request, with the attributes that its handler added.
func (g *Gateway) logRequest(r *http.Request, recorder *responserecorder.Recorder, d time.Duration, attrs ...slog.Attr) {
	if !g.log.Enabled(r.Context(), recorder.Level) {
		return
	}
	const usual = 10 // attributes of a line
	attrs = recorder.AppendAttrs(append(make([]slog.Attr, 0, usual), attrs...))
	attrs = append(attrs, slog.String("client_ip", proxy.AddressText(g.settings.Proxies.ClientIP(r))), proxy.Milliseconds("duration_ms", d))
	// A group without a name is written as its attributes. The record would copy them.
	record := slog.NewRecord(time.Now(), recorder.Level, "request", 0) // Logger would look for the caller
	record.AddAttrs(slog.Attr{Value: slog.GroupValue(attrs...)})
	_ = g.log.Handler().Handle(r.Context(), record) // as Logger does
}

// handle routes the requests that match to a handler, and answers their CORS preflights.
func (g *Gateway) handle(router *mux.Router, name string, matches mux.MatcherFunc, handler http.Handler) {
	handler = g.instrument(name, handler)
	if g.settings.CORS != nil {
		router.MatcherFunc(matchPreflight(matches)).Handler(g.instrument(name, http.HandlerFunc(g.preflight)))
		handler = g.settings.CORS.Handler(handler)
	}
	router.MatcherFunc(matches).Handler(handler)
}

// preflight answers preflights, all with one status: the header fields say what is allowed.
func (g *Gateway) preflight(w http.ResponseWriter, r *http.Request) {
	g.settings.CORS.HandlerFunc(w, r)
	outcome := "preflight_allowed"
	if w.Header().Get("Access-Control-Allow-Origin") == "" {
		outcome = "preflight_refused"
	}
	recorder, _ := responserecorder.Wrap(w)
	recorder.Attrs = append(recorder.Attrs, slog.String("outcome", outcome))
}

func (g *Gateway) errorHandler(e *clientauth.Error) http.Handler {
	return g.instrument("unknown", refuse(e))
}

func refuse(e *clientauth.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { proxy.WriteError(w, e) })
}
