package proxy

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
)

// Decision is the outcome of one request. It holds no secret, and its texts are bounded.
type Decision struct {
	Time      time.Time // of the request's arrival
	Endpoint  clientauth.Endpoint
	Method    clientauth.Method  // at the registration endpoint, what the client asks for; empty: unknown
	Reading   clientauth.Reading // empty: there was no HTTP Basic pair
	Outcome   string             // one of the outcomes, or the reason for which the gateway refused the request
	Failure   string             // a reason of oauthgw_upstream_errors_total; empty: there was a usable response, or no request to the provider
	Tolerated string             // the reason for which only conflict: report let the request pass
	Repairs   []string           // the names of what was repaired in the request and the response, in this order
	Status    int                // of the response; zero: there was none
	RequestID string             // as in the log line; empty: none
	ClientID  string             // as the client sent it, at most 128 bytes; empty: none
	Client    string             // the configured client whose secret was lent, or that was registered; empty: none
	Alias     string             // the configured alias by which the request named it; empty: its ID
	ClientIP  string             // as far as proxies are trusted; empty: a Unix socket
}

// Refused reports whether the gateway or the provider refused the request.
func (d Decision) Refused() bool {
	switch d.Outcome {
	case OutcomeUnclear:
		return d.Status >= http.StatusBadRequest
	case OutcomeAccepted, OutcomeRegistered, OutcomeFailed, OutcomeCanceled, OutcomePanicked:
		return false
	}
	return true
}

// Answered reports whether the provider responded and did not fail.
func (d Decision) Answered() bool {
	return d.Outcome == OutcomeAccepted || d.Outcome == OutcomeRejected || d.Outcome == OutcomeUnclear
}

// SecretRejected reports whether the provider rejected the secret of Client.
func (d Decision) SecretRejected() bool { return d.Failure == errSecretRejected.Reason }

// SecretAccepted reports whether the provider accepted the secret of Client. Only a token shows
// that: at other endpoints, and in front of other errors, some providers do not check it.
func (d Decision) SecretAccepted() bool {
	return d.Client != "" && d.Endpoint == clientauth.Token && d.Outcome == OutcomeAccepted && d.Status < http.StatusMultipleChoices
}

// Attrs returns the attributes of an audit record, which has its own time.
func (d Decision) Attrs() []slog.Attr {
	attrs := append([]slog.Attr{slog.String("endpoint", string(d.Endpoint)), slog.Int("status", d.Status)}, d.attrs()...)
	if d.ClientIP != "" {
		attrs = append(attrs, slog.String("client_ip", d.ClientIP))
	}
	return attrs
}

// attrs returns the attributes that the log line of another request does not have.
func (d Decision) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("outcome", d.Outcome),
		slog.String("auth_method", d.method()),
		slog.String("client_id", d.ClientID),
		slog.String("client", d.Client),
		slog.String("alias", d.Alias),
		slog.String("basic_decoding", string(d.Reading)),
		slog.String("conflict_tolerated", d.Tolerated),
	}
	attrs = slices.DeleteFunc(attrs, func(a slog.Attr) bool { return a.Value.String() == "" })
	if len(d.Repairs) > 0 {
		attrs = append(attrs, slog.String("repairs", strings.Join(d.Repairs, ",")))
	}
	return attrs
}

func (d Decision) method() string { return cmp.Or(string(d.Method), "unknown") }

// AddressText returns the address of a client for a log line.
func AddressText(a netip.Addr) string {
	text, _ := a.MarshalText() // empty for the zero address
	return string(text)
}

// abbreviate bounds what a client can write into a log line.
func abbreviate(s string) string {
	const limit = 128
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
