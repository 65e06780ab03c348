package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"regexp"

	"oauthgw/internal/tracing"
	"oauthgw/proxy"
)

// wellFormedID is what an identifier that a client brings may look like: it
// stands in logs and goes to the provider.
var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9._~+/=:-]{1,128}$`)

// identified gives each request an identifier, which the provider and the log are
// told: the one in its X-Request-Id, or one of its own.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()
		if brought := r.Header[proxy.RequestID]; len(brought) == 1 && wellFormedID.MatchString(brought[0]) {
			id = brought[0]
		}
		r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
		r.Header.Set(proxy.RequestID, id)
		next.ServeHTTP(w, r)
	})
}

type requestIDKey struct{}

// inRequest adds to what is logged in a request's context which request it was,
// and of which trace.
type inRequest struct{ slog.Handler }

// Handle implements [slog.Handler].
func (h inRequest) Handle(ctx context.Context, line slog.Record) error {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok {
		line.AddAttrs(slog.String("request_id", id))
	}
	if id := tracing.ID(ctx); id != "" {
		line.AddAttrs(slog.String("trace_id", id))
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements [slog.Handler].
func (h inRequest) WithAttrs(attrs []slog.Attr) slog.Handler {
	return inRequest{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h inRequest) WithGroup(name string) slog.Handler {
	return inRequest{h.Handler.WithGroup(name)}
}
