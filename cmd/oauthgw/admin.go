package main

import (
	"errors"
	"io"
	"net/http"

	"oauthgw/internal/statuspage"
)

// operations serves metrics, liveness, readiness, reloading and the status page.
// Liveness does not depend on the provider, and neither a probe nor a look at the
// page causes a request to it.
func (s *servers) operations() http.Handler {
	s.live.metrics.Ready(func() bool { return s.notReady() == "" })
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.live.metrics.Handler())
	for _, path := range []string{"/-/healthy", "/healthz"} {
		mux.HandleFunc("GET "+path, say("healthy"))
	}
	for _, path := range []string{"/-/ready", "/readyz"} {
		mux.HandleFunc("GET "+path, s.answerReady)
	}
	mux.HandleFunc("POST /-/reload", s.answerReload)
	mux.Handle("GET /{$}", statuspage.Handler(s.facts))
	return mux
}

func say(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, word+"\n") }
}

func (s *servers) answerReady(w http.ResponseWriter, r *http.Request) {
	if why := s.notReady(); why != "" {
		http.Error(w, "not ready: "+why, http.StatusServiceUnavailable)
		return
	}
	say("ready")(w, r)
}

// notReady says why no requests are to be sent here. Empty means that they are.
func (s *servers) notReady() string {
	switch {
	case s.draining.Load():
		return "draining"
	case !s.live.now().ready():
		return "the endpoints are not configured and the provider's metadata has not been read"
	}
	return ""
}

// answerReload reloads. Whoever may ask may also know what is wrong with the
// configuration: it holds no secrets.
func (s *servers) answerReload(w http.ResponseWriter, r *http.Request) {
	switch err := s.live.reload(); {
	case errors.Is(err, errFrozen):
		http.Error(w, "not reloaded: "+err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, "not reloaded, the old configuration stays:\n"+err.Error(), http.StatusInternalServerError)
	default:
		say("reloaded")(w, r)
	}
}
