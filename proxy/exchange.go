package proxy

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
	"oauthgw/internal/responserecorder"
)

// The outcomes of requests that the gateway did not refuse.
const (
	OutcomeAccepted   = "accepted"   // the provider accepted the client, or named an error that is not about it
	OutcomeRejected   = "rejected"   // the provider responded invalid_client
	OutcomeRegistered = "registered" // the gateway answered a registration with a configured client
	OutcomeUnclear    = "unclear"    // the response cannot be read
	OutcomeFailed     = "failed"     // the provider responded 5xx, or there is no usable response
	OutcomeCanceled   = "canceled"   // the client closed its connection
	OutcomePanicked   = "panic"      // a handler panicked
)

// exchange is one request to an endpoint, and its response. It belongs to one goroutine.
type exchange struct {
	*endpoint
	w        http.ResponseWriter
	recorder *responserecorder.Recorder
	r        *http.Request
	start    time.Time
	memory   share      // until finish
	client   netip.Addr // as far as proxies are trusted; zero: a Unix socket

	credentials clientauth.Credentials
	lent        *clients.Use // whose secret the request gets, or with an error would get; nil: it keeps its own credentials
	bodyUnread  bool         // it may hold other credentials
	scope       string       // in place of the one that the client asked for; empty: that one

	refreshes    bool                // the grant is a refresh token
	redirectURIs json.RawMessage     // of a registration; nil: none
	registersAs  clientauth.Method   // of clients with a secret, at the provider; empty: as they ask
	registered   *clients.Registered // the response to a registration; nil: the provider's

	out          outgoing
	modify       func(*response) // sets the outcome of the response and corrects it
	sent         time.Time       // when the provider was called; zero means never
	upstreamTime time.Duration
	repairs      []string // the names of what was repaired, in this order
	suggested    []string // the names of what the operator could let be repaired
	outcome      string
	decision     Decision // from finish
	failure      string   // why the provider's response cannot be used; empty: it can, or was not asked for
	err          error    // for the operator: why the outcome is failed
}

// newExchange begins an exchange. The caller must call finish.
func newExchange(e *endpoint, w http.ResponseWriter, r *http.Request) *exchange {
	recorder, w := responserecorder.Wrap(w)
	return &exchange{endpoint: e, w: w, recorder: recorder, r: r, start: time.Now(), outcome: OutcomePanicked, client: e.Proxies.ClientIP(r)}
}

// finish counts the outcome, calls OnDecision and completes the log line.
func (x *exchange) finish() {
	x.memory.release()
	x.decision = x.decide()
	d := &x.decision
	x.Metrics.ClientAuth.Inc(string(d.Endpoint), d.method(), d.Outcome)
	if d.Tolerated != "" {
		x.Metrics.ConflictTolerated.Inc(string(d.Endpoint), d.Tolerated)
	}
	if d.Reading != "" {
		x.Metrics.BasicDecoding.Inc(string(d.Reading))
	}
	for _, name := range d.Repairs {
		x.Metrics.Repaired.Inc(string(d.Endpoint), name)
	}
	if !x.sent.IsZero() {
		x.Metrics.UpstreamDuration(string(d.Endpoint), x.upstreamTime)
	}
	if x.OnDecision != nil {
		x.OnDecision(x.r.Context(), *d)
	}
	if x.outcome == OutcomeFailed || x.outcome == OutcomePanicked || d.Tolerated != "" {
		x.recorder.Level = slog.LevelWarn
	}
	x.recorder.Attrs, x.recorder.LateAttrs = nil, x.appendAttrs
}

// appendAttrs appends the attributes of the log line.
func (x *exchange) appendAttrs(attrs []slog.Attr) []slog.Attr {
	attrs = x.decision.appendAttrs(attrs)
	if !x.sent.IsZero() {
		attrs = append(attrs, Milliseconds("upstream_ms", x.upstreamTime))
	}
	if len(x.suggested) > 0 {
		attrs = append(attrs, slog.String("repairs_suggested", strings.Join(x.suggested, ",")))
	}
	if x.err != nil {
		attrs = append(attrs, slog.String("err", x.err.Error()))
	}
	if x.outcome == errRedirectURIs.Reason {
		attrs = append(attrs, slog.String("redirect_uris", abbreviate(strings.ReplaceAll(string(x.redirectURIs), `"`, ""))))
	}
	return attrs
}

func (x *exchange) decide() Decision {
	d := Decision{
		Time: x.start, Endpoint: x.Endpoint, Method: x.credentials.Method, Reading: x.credentials.Reading, Outcome: x.outcome, Failure: x.failure, Repairs: x.repairs,
		Status: x.recorder.Status(), RequestID: x.r.Header.Get(RequestID), ClientID: abbreviate(x.credentials.ClientID), ClientIP: AddressText(x.client),
	}
	switch {
	case x.lent != nil:
		d.Client, d.Alias = x.lent.ID, x.lent.Alias
		d.Key, d.Issuer, d.Subject = abbreviate(x.lent.Key), x.lent.Issuer.Issuer, x.lent.Issuer.Subject
		d.Method = cmp.Or(x.lent.Method, d.Method)
		if d.Key != "" { // verified
			d.ClientID = cmp.Or(d.ClientID, x.lent.ID)
		}
	case x.registered != nil:
		d.Client = x.registered.ClientID
	}
	if d.Outcome == OutcomePanicked {
		d.Status = cmp.Or(d.Status, ErrPanic.Status) // the server writes it
	}
	if x.credentials.Tolerated != nil {
		d.Tolerated = x.credentials.Tolerated.Reason
	}
	return d
}

// repaired records the name of a repair, once.
func (x *exchange) repaired(name string) {
	if !slices.Contains(x.repairs, name) {
		x.repairs = append(x.repairs, name)
	}
}

// Milliseconds returns a duration for a log line.
func Milliseconds(key string, d time.Duration) slog.Attr {
	return slog.Float64(key, float64(d.Microseconds())/1000)
}
