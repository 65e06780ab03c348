package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"

	"oauthgw/internal/answered"
	"oauthgw/proxy"
)

// surviving lets a handler panic at the cost of the one request: it is refused, or
// cut off where something has been answered. The log tells where it happened and not
// with which value, which may hold what is nobody's to read.
func (l *live) surviving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &answered.Writer{ResponseWriter: w}
		defer func() {
			value := recover()
			switch {
			case value == nil:
				return
			case value != http.ErrAbortHandler:
				l.metrics.Panicked()
				l.log().LogAttrs(r.Context(), slog.LevelError, "a request met an error in this program; please report it",
					slog.String("panic", fmt.Sprintf("%T", value)), slog.String("stack", stack()))
			}
			if answer.Status != 0 || value == http.ErrAbortHandler {
				panic(http.ErrAbortHandler)
			}
			clear(answer.Header()) // of an answer that will not come
			proxy.Refuse(answer, r, proxy.ErrPanic)
		}()
		next.ServeHTTP(answer, r)
	})
}

// stack returns the functions in which a panic happened, innermost first.
func stack() string {
	const most = 32
	callers := make([]uintptr, most)
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers)]) // below surviving
	var lines []string
	for {
		frame, more := frames.Next()
		lines = append(lines, fmt.Sprintf("%s:%d", frame.Function, frame.Line))
		if !more {
			return strings.Join(lines, " < ")
		}
	}
}
