package main

import (
	"log/slog"
	"net/http"

	"oauthgw/internal/printable"
	"oauthgw/internal/responserecorder"
	"oauthgw/proxy"
)

// surviving lets a handler panic at the cost of the one request: it is refused, or
// cut off where something has been answered. The log tells where it happened and not
// with which value, which may hold what is nobody's to read.
func (l *live) surviving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		response, w := responserecorder.Wrap(w)
		defer func() {
			value := recover()
			switch {
			case value == nil:
				return
			case value != http.ErrAbortHandler:
				l.metrics.Panicked()
				kind, functions := printable.Panic(value)
				l.log().LogAttrs(r.Context(), slog.LevelError, "a request met an error in this program; please report it",
					slog.String("panic", kind), slog.String("stack", functions))
			}
			if response.Status() != 0 || value == http.ErrAbortHandler {
				panic(http.ErrAbortHandler)
			}
			clear(w.Header()) // of an answer that will not come
			proxy.WriteError(w, r, proxy.ErrPanic)
		}()
		next.ServeHTTP(w, r)
	})
}
