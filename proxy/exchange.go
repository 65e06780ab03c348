package proxy

import (
	"log/slog"
	"net/http"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/responserecorder"
)

// The outcomes of an exchange that the gateway did not refuse.
const (
	outcomeAccepted = "accepted" // the provider accepted the client, or named an error that is not about it
	outcomeRejected = "rejected" // the provider answered invalid_client
	outcomeUnclear  = "unclear"  // the response cannot be read
	outcomeFailed   = "failed"   // the provider answered 5xx, or brought no usable reply
	outcomeCanceled = "canceled" // the client went away
	outcomePanicked = "panic"    // this program failed
)

// exchange is one request and its reply, and what is worth telling of them. It
// belongs to one goroutine.
type exchange struct {
	*Config
	w        *dropInterimWriter
	response *responserecorder.Recorder
	r        *http.Request
	start    time.Time
	body     share // of the memory for bodies, until the end: the request is kept and copied

	credentials clientauth.Credentials
	bodyUnread  bool      // its media type is not that of a form, so it may hold other credentials
	sent        time.Time // when the provider was called; zero: it was not
	waited      time.Duration
	outcome     string
	fault       error // for the operator: why the outcome is failed

	modify responseModifier // what the provider's reply becomes
}

// responseModifier says of a reply that may reach the client what the exchange came
// to, and completes it.
type responseModifier func(*exchange, *reply)

// answerTime is how long a client may take to receive an answer.
const answerTime = 10 * time.Second

// newExchange starts an exchange. End reports it.
func newExchange(c *Config, w http.ResponseWriter, r *http.Request) (x *exchange, end func()) {
	// Where there is no such thing as a deadline, nobody is slow.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(bodyTimeout + c.Timeout + answerTime))
	response, w := responserecorder.Wrap(w)
	x = &exchange{Config: c, w: &dropInterimWriter{w}, response: response, r: r, start: time.Now(), body: share{of: bodies}, outcome: outcomePanicked}
	return x, x.end
}

// end reports the exchange, and gives back what it held.
func (x *exchange) end() {
	x.body.release()
	x.finish()
}

// finish counts what the exchange came to, tells it, and writes the one log
// line.
func (x *exchange) finish() {
	d := x.decision()
	x.Metrics.ClientAuth(string(d.Endpoint), d.method(), d.Outcome)
	if d.Tolerated != "" {
		x.Metrics.ConflictTolerated(string(d.Endpoint), d.Tolerated)
	}
	if d.Reading != "" {
		x.Metrics.BasicDecoding(string(d.Reading))
	}
	if !x.sent.IsZero() {
		x.Metrics.UpstreamDuration(string(d.Endpoint), x.waited)
	}
	if x.OnDecision != nil {
		x.OnDecision(x.r.Context(), d)
	}
	x.Log.LogAttrs(x.r.Context(), x.level(), "request", x.appendTimings(d.Attrs())...)
}

func (x *exchange) decision() Decision {
	d := Decision{
		Time: x.start, Endpoint: x.Endpoint, Method: x.credentials.Method, Reading: x.credentials.Reading,
		Outcome: x.outcome, Status: x.response.Status(), ClientID: abbreviated(x.credentials.ClientID), ClientIP: address(x.Proxies.ClientIP(x.r)),
	}
	if x.credentials.Tolerated != nil {
		d.Tolerated = x.credentials.Tolerated.Reason
	}
	return d
}

// level is higher where an operator has something to do.
func (x *exchange) level() slog.Level {
	if x.outcome == outcomeFailed || x.outcome == outcomePanicked || x.credentials.Tolerated != nil {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// appendTimings appends how the exchange went, beside the decision.
func (x *exchange) appendTimings(attrs []slog.Attr) []slog.Attr {
	attrs = append(attrs, slog.Int64("duration_us", time.Since(x.start).Microseconds()))
	if !x.sent.IsZero() {
		attrs = append(attrs, slog.Int64("upstream_us", x.waited.Microseconds()))
	}
	if x.fault != nil {
		attrs = append(attrs, slog.String("err", x.fault.Error()))
	}
	return attrs
}

// dropInterimWriter is an answer on a fronted endpoint. Interim replies of the provider (RFC
// 9110 section 15.2) end here: what they announce has not been checked.
type dropInterimWriter struct{ http.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (f *dropInterimWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		f.ResponseWriter.WriteHeader(status)
	}
}

// Unwrap lets [http.ResponseController] reach the connection.
func (f *dropInterimWriter) Unwrap() http.ResponseWriter { return f.ResponseWriter }
