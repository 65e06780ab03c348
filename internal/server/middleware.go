package server

import (
	"net/http"

	"oauthgw/internal/connlimit"
	"oauthgw/internal/logging"
	"oauthgw/internal/responserecorder"
)

// middleware gives each request an ID, tracks its body, answers for handlers that panic,
// and decides whether the response is the last on its connection.
func (s *Server) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, own *http.Request) {
		ctx := logging.WithRequestID(own.Context(), requestID(own.Header))
		r := connlimit.TrackBody(ctx, own)
		rec, w := responserecorder.Wrap(w)
		rec.BeforeHeader = func(h http.Header) {
			if s.draining.Load() || ambiguousFraming(r) || connlimit.Starved(ctx) {
				h.Set("Connection", "close")
			}
		}
		defer s.recoverPanic(w, r, rec)
		next.ServeHTTP(w, r)
		if rec.Status() == 0 {
			w.WriteHeader(http.StatusOK) // net/http would, and not call BeforeHeader
		}
	})
}

// ambiguousFraming reports whether another server may see the end of a request elsewhere
// than net/http, which hides a Content-Length beside chunks, and chunks in HTTP/1.0. RFC
// 9112 section 6.1 requires to close the connection after both.
func ambiguousFraming(r *http.Request) bool {
	return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1)
}
