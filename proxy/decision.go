package proxy

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"oauthgw/clientauth"
)

// Decision is what became of one request at a fronted endpoint: how the client
// authenticated, and what the gateway or the provider made of it. It holds no
// secret, and what of it a client can choose is bounded.
type Decision struct {
	// Time is when the request arrived.
	Time time.Time
	// Endpoint is the endpoint's name.
	Endpoint clientauth.Endpoint
	// Method is the client authentication method; at the registration endpoint
	// the one that the client asks for. Empty means that the request was refused,
	// or passed on, before any was looked for.
	Method clientauth.Method
	// Reading is how an HTTP Basic pair was read. Empty means that there was none.
	Reading clientauth.Reading
	// Outcome is accepted, rejected, unclear, failed, canceled, panic, or the reason for
	// which the gateway refused the request.
	Outcome string
	// Tolerated is the reason for which the gateway would have refused the request if
	// conflict: report did not let it pass. Empty means none.
	Tolerated string
	// Status is the status of the answer. Zero means that there was none.
	Status int
	// ClientID is the identifier that the client gave, at most 128 octets of it.
	// Empty means none.
	ClientID string
	// ClientIP is the address that the request came from, without a port, as far as
	// the proxies on its way are trusted. Empty means a Unix socket.
	ClientIP string
}

// Refused reports whether the gateway or the provider turned the request away.
func (d Decision) Refused() bool {
	switch d.Outcome {
	case outcomeUnclear:
		return d.Status >= http.StatusBadRequest
	case outcomeAccepted, outcomeFailed, outcomeCanceled, outcomePanicked:
		return false
	}
	return true
}

// Answered reports whether the provider answered and did not fail.
func (d Decision) Answered() bool {
	return d.Outcome == outcomeAccepted || d.Outcome == outcomeRejected || d.Outcome == outcomeUnclear
}

// Failed reports whether the provider brought no usable answer.
func (d Decision) Failed() bool { return d.Outcome == outcomeFailed }

// Attrs returns the decision as a log line tells it. The time is the line's own.
func (d Decision) Attrs() []slog.Attr {
	attrs := append(make([]slog.Attr, 0, 13), // with room for what is told beside it
		slog.String("endpoint", string(d.Endpoint)),
		slog.Int("status", d.Status),
		slog.String("outcome", d.Outcome),
		slog.String("auth_method", d.method()),
	)
	for _, a := range []slog.Attr{
		slog.String("client_id", d.ClientID),
		slog.String("basic_decoding", string(d.Reading)),
		slog.String("conflict_tolerated", d.Tolerated),
		slog.String("client_ip", d.ClientIP),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

// method returns the method as logs and metrics name it.
func (d Decision) method() string {
	if d.Method == "" {
		return "unknown"
	}
	return string(d.Method)
}

// address returns an address as a decision and a log line tell it.
func address(source netip.Addr) string {
	if !source.IsValid() {
		return ""
	}
	return source.String()
}

// abbreviated bounds what a client can write into a log line.
func abbreviated(s string) string {
	const limit = 128
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
