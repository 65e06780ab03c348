package main

import (
	"net/http"
	"sync/atomic"
)

// lastWhile makes answers the last on their connections while draining, also
// those to requests that came before, and always those to requests whose end is in
// doubt. Disabling keep-alives instead would close connections on which a request
// is just arriving. Connections that are never idle for long are not evicted, so their
// responses are the last ones too while a newcomer has waited for a place too long.
func lastWhile(draining *atomic.Bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&lastWriter{ResponseWriter: w, draining: draining, doubted: endsInDoubt(r), starved: starvedBy(r)}, r)
	})
}

// starvedBy returns whether a newcomer to a request's listener has waited too long.
func starvedBy(r *http.Request) *atomic.Bool {
	if c, limited := r.Context().Value(connectionKey{}).(*connection); limited {
		return &c.of.starved
	}
	return new(atomic.Bool)
}

// endsInDoubt reports whether somebody else may see the end of a request elsewhere
// than net/http does, and so a second request where there is none. It hides a
// Content-Length beside chunks and chunks in HTTP/1.0, after both of which RFC 9112
// section 6.1 wants the connection closed.
func endsInDoubt(r *http.Request) bool {
	return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1)
}

// lastWriter says so at the last moment at which it can be said.
type lastWriter struct {
	http.ResponseWriter
	draining *atomic.Bool
	starved  *atomic.Bool
	doubted  bool // the request, for where it ends
	answered bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *lastWriter) WriteHeader(status int) {
	if (w.doubted || w.draining.Load() || w.starved.Load()) && !w.answered && status >= http.StatusOK {
		w.Header().Set("Connection", "close")
	}
	w.answered = w.answered || status >= http.StatusOK
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *lastWriter) Write(p []byte) (int, error) {
	if !w.answered {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap serves [http.ResponseController].
func (w *lastWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
