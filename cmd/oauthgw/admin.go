package main

import (
	"io"
	"net/http"
)

// operations serves metrics, liveness, readiness and reloading. Liveness does
// not depend on the provider, and no probe causes a request to it.
func (s *servers) operations() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.live.metrics.Handler())
	for _, path := range []string{"/-/healthy", "/healthz"} {
		mux.HandleFunc("GET "+path, say("healthy"))
	}
	for _, path := range []string{"/-/ready", "/readyz"} {
		mux.HandleFunc("GET "+path, s.answerReady)
	}
	mux.HandleFunc("POST /-/reload", s.answerReload)
	return mux
}

func say(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, word+"\n") }
}

func (s *servers) answerReady(w http.ResponseWriter, r *http.Request) {
	switch {
	case s.draining.Load():
		http.Error(w, "not ready: draining", http.StatusServiceUnavailable)
	case !s.live.now().ready():
		http.Error(w, "not ready: the endpoints are not configured and the provider's metadata has not been read", http.StatusServiceUnavailable)
	default:
		say("ready")(w, r)
	}
}

// answerReload reloads. Whoever may ask may also know what is wrong with the
// configuration: it holds no secrets.
func (s *servers) answerReload(w http.ResponseWriter, r *http.Request) {
	if err := s.live.reload(); err != nil {
		http.Error(w, "not reloaded, the old configuration stays:\n"+err.Error(), http.StatusInternalServerError)
		return
	}
	say("reloaded")(w, r)
}
