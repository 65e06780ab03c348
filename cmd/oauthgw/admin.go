package main

import (
	"io"
	"net/http"
)

// admin serves metrics, liveness and readiness. Liveness does not depend on
// the provider, and no probe causes a request to it.
func (g *gateway) admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", g.metrics.Handler())
	for _, path := range []string{"/-/healthy", "/healthz"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "healthy\n")
		})
	}
	for _, path := range []string{"/-/ready", "/readyz"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			if !g.ready() {
				http.Error(w, "not ready: the endpoints are not configured and the provider's metadata has not been read", http.StatusServiceUnavailable)
				return
			}
			_, _ = io.WriteString(w, "ready\n")
		})
	}
	return mux
}
