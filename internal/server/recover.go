package server

import (
	"log/slog"
	"net/http"

	"oauthgw/internal/printable"
	"oauthgw/internal/responserecorder"
	"oauthgw/proxy"
)

// recoverPanic, which must be deferred, keeps the panic of a handler from affecting other
// requests: it answers 500, or aborts a response that has begun. It logs where the panic
// happened, and not its value, which may contain a secret.
func (s *Server) recoverPanic(w http.ResponseWriter, r *http.Request, rec *responserecorder.Recorder) {
	value := recover()
	if value == nil {
		return
	}
	if value != http.ErrAbortHandler {
		s.config.Metrics.Panicked()
		kind, functions := printable.Panic(value)
		s.config.Log.LogAttrs(r.Context(), slog.LevelError, "panic serving request",
			slog.String("panic", kind), slog.String("stack", functions))
	}
	if rec.Status() != 0 || value == http.ErrAbortHandler {
		panic(http.ErrAbortHandler)
	}
	clear(w.Header()) // of the response that the handler did not send
	proxy.WriteError(w, r, proxy.ErrPanic)
}
