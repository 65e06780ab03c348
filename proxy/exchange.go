package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"oauthgw/clientauth"
)

// The outcomes of an exchange that the gateway did not refuse.
const (
	outcomeAccepted = "accepted" // the provider accepted the client, or said nothing of it
	outcomeRejected = "rejected" // the provider answered invalid_client
	outcomeFailed   = "failed"   // the provider answered 5xx, or brought no usable reply
	outcomeCanceled = "canceled" // the client went away

	outcomeOverlooked = "overlooked_" // with the reason for which it would have been refused
)

// exchange is one request and its reply, and what is worth telling of them. It
// belongs to one goroutine.
type exchange struct {
	*Config
	w     *recorder
	r     *http.Request
	start time.Time

	credentials clientauth.Credentials
	sent        time.Time // when the provider was called; zero: it was not
	waited      time.Duration
	outcome     string
	fault       error // for the operator: why the outcome is failed

	amend amendment // what the provider's reply becomes
}

// amendment says of a reply that may reach the client what the exchange came
// to, and completes it.
type amendment func(*exchange, *reply)

// begin starts an exchange within the endpoint's time. End reports it.
func begin(c *Config, w http.ResponseWriter, r *http.Request) (x *exchange, end func()) {
	ctx, cancel := context.WithTimeout(r.Context(), c.Timeout)
	x = &exchange{Config: c, w: &recorder{ResponseWriter: w, finalOnly: true}, r: r.WithContext(ctx), start: time.Now()}
	return x, func() { x.report(); cancel() }
}

// report writes the one log line and counts what the exchange came to.
func (x *exchange) report() {
	endpoint, method := string(x.Endpoint), string(x.credentials.Method)
	if method == "" {
		method = "unknown" // refused before the credentials were looked for
	}
	if x.credentials.Overlooked != nil {
		x.outcome = outcomeOverlooked + x.credentials.Overlooked.Reason
	}
	x.Metrics.ClientAuth(endpoint, method, x.outcome)
	if x.credentials.Reading != "" {
		x.Metrics.BasicDecoding(string(x.credentials.Reading))
	}
	if !x.sent.IsZero() {
		x.Metrics.UpstreamDuration(endpoint, x.waited)
	}
	x.Log.LogAttrs(x.r.Context(), x.level(), "exchange", x.attributes(method)...)
}

// level is higher where an operator has something to do.
func (x *exchange) level() slog.Level {
	if x.outcome == outcomeFailed || x.credentials.Overlooked != nil {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

func (x *exchange) attributes(method string) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("endpoint", string(x.Endpoint)),
		slog.Int("status", x.w.status),
		slog.String("outcome", x.outcome),
		slog.String("client_auth", method),
		slog.Duration("duration", time.Since(x.start)),
	}
	if id := x.credentials.ClientID; id != "" {
		attrs = append(attrs, slog.String("client_id", abbreviated(id)))
	}
	if x.credentials.Reading != "" {
		attrs = append(attrs, slog.String("reading", string(x.credentials.Reading)))
	}
	if !x.sent.IsZero() {
		attrs = append(attrs, slog.Duration("upstream", x.waited))
	}
	if x.fault != nil {
		attrs = append(attrs, slog.String("fault", x.fault.Error()))
	}
	return attrs
}

// abbreviated bounds what a client can write into a log line.
func abbreviated(s string) string {
	const limit = 128
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}

// recorder remembers the status of a reply.
type recorder struct {
	http.ResponseWriter
	status    int
	finalOnly bool // drop interim replies
}

// WriteHeader implements [http.ResponseWriter]. On a fronted endpoint interim
// replies of the provider (RFC 9110 section 15.2) end here: what they announce
// has not been checked.
func (r *recorder) WriteHeader(status int) {
	if r.finalOnly && status < http.StatusOK {
		return
	}
	if r.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
