package server

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"oauthgw/internal/connlimit"
	"oauthgw/internal/logging"
	"oauthgw/internal/printable"
	"oauthgw/internal/responserecorder"
	"oauthgw/proxy"
)

// middleware gives each request an ID, tracks its body, answers for handlers that panic,
// and decides whether the response is the last on its connection.
func (s *Server) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, own *http.Request) {
		s.handling.Add(1)
		defer s.handling.Add(-1)
		id := requestID(own.Header, s.config.TrustsPeer != nil && s.config.TrustsPeer(own))
		ctx := logging.WithRequestID(own.Context(), id)
		r := connlimit.TrackBody(ctx, own)
		rec, w := responserecorder.Wrap(w)
		rec.Closed = func() string { return connlimit.ClosedBy(ctx) }
		// Another server may see the end of the request elsewhere than net/http, which hides a Content-Length beside
		// chunks, and chunks in HTTP/1.0. RFC 9112 section 6.1 requires to close the connection after both.
		ambiguousFraming := len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1)
		rec.BeforeHeader = func(h http.Header) {
			h.Set(proxy.RequestID, id) // also in place of the provider's
			// The timeout of net/http began with the request. The handler may have waited since.
			_ = http.NewResponseController(rec.ResponseWriter).SetWriteDeadline(time.Now().Add(proxy.WriteTimeout(s.config.StallTimeout)))
			if s.draining.Load() || ambiguousFraming || connlimit.Starved(ctx) {
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

// validRequestID matches the IDs that are accepted from trusted proxies and appear in logs.
var validRequestID = regexp.MustCompile(`^[A-Za-z0-9._~+/=:-]{1,128}$`)

// requestID returns the ID of a request: that of its X-Request-Id field if the peer is a
// trusted proxy, or a new one, which it writes into the header for the provider.
func requestID(h http.Header, trusted bool) string {
	if ids := h[proxy.RequestID]; trusted && len(ids) == 1 && validRequestID.MatchString(ids[0]) {
		return ids[0]
	}
	id := rand.Text()
	h.Set(proxy.RequestID, id)
	return id
}

// recoverPanic, which must be deferred, answers 500 for a handler that panics, or aborts a
// response that has begun. It does not log the value, which may contain a secret.
func (s *Server) recoverPanic(w http.ResponseWriter, r *http.Request, rec *responserecorder.Recorder) {
	value := recover()
	if value == nil {
		return
	}
	if value != http.ErrAbortHandler {
		s.config.Metrics.Panicked.Inc()
		kind, functions := printable.Panic(value)
		s.config.Log.LogAttrs(r.Context(), slog.LevelError, "panic serving request",
			slog.String("panic", kind), slog.String("stack", functions))
	}
	if rec.Status() != 0 || value == http.ErrAbortHandler {
		panic(http.ErrAbortHandler)
	}
	clear(w.Header()) // of the response that the handler did not send
	proxy.WriteError(w, proxy.ErrPanic)
}
