// Package metrics defines the metrics of oauthgw.
//
// Labels have values of closed sets only: endpoint names, methods and outcomes that the
// program defines. A client_id, a path, a host or an error text is never a label, so that
// clients cannot add series. The package is safe for concurrent use.
package metrics

import (
	"cmp"
	"math"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics has the metrics of one gateway. Comments say what a counter counts, and by which labels.
type Metrics struct {
	ClientAuth             Counter // a request to an endpoint, by endpoint, method and outcome
	ConflictTolerated      Counter // a request that conflict: report let pass, by endpoint and reason
	BasicDecoding          Counter // an HTTP Basic pair, by how it was decoded
	ChallengeAdded         Counter // a response that received a challenge, by endpoint
	StatusCorrected        Counter // a response whose status became 401, by endpoint
	AmbiguousInvalidClient Counter // a response whose invalid_client not every client finds, by endpoint
	Repaired               Counter // a request or response that was repaired, by endpoint and repair
	UpstreamError          Counter // a request without a usable response, by endpoint and reason
	MetadataRequest        Counter // a metadata request, by result
	KeyFetch               Counter // a fetch of the keys at a jwks_uri, by result
	StateError             Counter // an operation on Redis that failed, by operation
	LogDropped             Counter // a dropped line of a log, by log
	AdminRefused           Counter // a request that the admin listener refused, by reason
	ConnectionEvicted      Counter // a connection closed to make room, by its state
	MalformedRequest       Counter // a connection whose request could not be served, by reason
	Panicked               Counter // a request, or a fetch of metadata, that panicked

	registry *prometheus.Registry
	factory  factory

	requests, connectionsCut          Counter
	requestDuration, upstreamDuration *prometheus.HistogramVec
	inFlight, certificates            *prometheus.GaugeVec
	reloadSuccessful, reloadTimestamp prometheus.Gauge
	stateDown                         atomic.Bool

	metadataFetched atomic.Pointer[time.Time] // nil: never
}

// Counter counts events of one kind.
type Counter struct{ vec *prometheus.CounterVec }

// Inc counts one event. Labels has a value for each label.
func (c Counter) Inc(labels ...string) { c.vec.WithLabelValues(labels...).Inc() }

// Build identifies the running binary in oauthgw_build_info.
type Build struct{ Version, Revision, GoVersion string }

// ReadBuild returns what the Go toolchain wrote into the binary, or "unknown".
func ReadBuild() Build {
	b := Build{Version: "unknown", Revision: "unknown", GoVersion: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(info.Main.Version, b.Version)
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Revision = s.Value
			}
		}
	}
	return b
}

// New returns metrics that are all zero.
func New(b Build) *Metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f := factory{promauto.With(r)}
	m := &Metrics{registry: r, factory: f}
	m.defineRequests(f)
	m.defineOperation(f)
	f.gaugeFunc("build_info", "Always 1; the labels identify the binary.", func() float64 { return 1 },
		prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion})
	return m
}

func (m *Metrics) defineRequests(f factory) {
	m.requests = f.counter("http_requests_total", "HTTP requests, by endpoint name, method, status code (0: there was no response), and how the response ended: complete, or cut off by client, provider, timeout, eviction, shutdown or panic.", "endpoint", "method", "code", "end")
	m.requestDuration = f.seconds("http_request_duration_seconds", "Time from a request's arrival to the end of its response.", "endpoint")
	m.inFlight = f.gauge("http_requests_in_flight", "HTTP requests in flight.", "endpoint")

	m.ClientAuth = f.counter("client_auth_total", "Requests to endpoints, by client authentication method and outcome: accepted, rejected by the provider, unclear if its response cannot be read, failed at the provider, or the reason for which the gateway refused the request.", "endpoint", "auth_method", "outcome")
	m.ConflictTolerated = f.counter("client_auth_conflicts_tolerated_total", "Requests that passed only because client_auth.conflict is report, by the reason for which they would be refused.", "endpoint", "reason")
	m.BasicDecoding = f.counter("basic_decoding_total", "HTTP Basic pairs, by how they were decoded. Ambiguous pairs were form-decoded and could have been unencoded.", "reading")
	m.ChallengeAdded = f.counter("challenges_added_total", "Responses that received a WWW-Authenticate field.", "endpoint")
	m.StatusCorrected = f.counter("statuses_corrected_total", "Responses whose status became 401.", "endpoint")
	m.AmbiguousInvalidClient = f.counter("upstream_ambiguous_invalid_client_total", "Responses with invalid_client in the body and the outcome unclear. They passed unchanged.", "endpoint")
	m.Repaired = f.counter("repairs_total", "Requests and responses that were repaired, by the name of the repair.", "endpoint", "repair")

	m.upstreamDuration = f.seconds("upstream_request_duration_seconds", "Time from sending a request to the provider to the end of its response.", "endpoint")
	m.UpstreamError = f.counter("upstream_errors_total", "Requests to the provider without a usable response, by reason.", "endpoint", "reason")

	m.MetadataRequest = f.counter("metadata_requests_total", "Metadata requests, by result: hit, miss, stale, generated, not_found, unavailable, or canceled by the client.", "result")
	f.gaugeFunc("metadata_age_seconds", "Time since metadata was last fetched from the provider; NaN before the first time.", m.metadataAge, nil)
	m.KeyFetch = f.closedCounter("jwks_fetches_total", "Fetches of keys from a jwks_uri, by result: success or failure.", "result", "success", "failure")
}

func (m *Metrics) defineOperation(f factory) {
	m.reloadSuccessful = f.gauge("config_last_reload_successful", "Whether the last attempt to load the configuration succeeded.").WithLabelValues()
	m.reloadTimestamp = f.gauge("config_last_reload_success_timestamp_seconds", "When the configuration was last loaded, in seconds since 1970.").WithLabelValues()
	m.certificates = f.gauge("certificate_not_after_timestamp_seconds", "When the certificate expires, in seconds since 1970, by role: server or upstream_client.", "role")
	m.StateError = f.closedCounter("state_errors_total", "Requests to Redis that failed, by operation: assertions, to record that one was used, or failures, to count them.", "operation", "assertions", "failures")
	f.gaugeFunc("state_up", "Whether the last check could write to Redis; always 1 without Redis.", func() float64 { return number(m.StateIsUp()) }, nil)

	m.LogDropped = f.closedCounter("log_dropped_total", "Log lines dropped because they were not read in time, by log: operations or audit.", "log", "operations", "audit")
	m.AdminRefused = f.closedCounter("admin_requests_refused_total", "Requests to the admin listener that were refused, by reason: host, which is not an accepted one, or cross_origin.", "reason", "host", "cross_origin")
	m.Panicked = f.counter("panics_total", "Requests, and fetches of metadata, that panicked.")
	m.Panicked.vec.WithLabelValues() // zero

	m.ConnectionEvicted = f.closedCounter("connections_evicted_total", "Client connections closed at max_connections to make room, by state: reading an incomplete request, writing a response that the client did not read, or idle.", "state", "reading", "writing", "idle")
	m.connectionsCut = f.closedCounter("connections_cut_total", "Client connections closed because a shutdown timed out, by what they carried: request or websocket.", "carried", "request", "websocket")
	m.MalformedRequest = f.closedCounter("http_malformed_requests_total", "Client connections with a request that could not be served, by reason: header_too_large, malformed, unsupported, proxy_protocol, tls_to_plain, plain_to_tls, tls_handshake.", "reason",
		"header_too_large", "malformed", "unsupported", "proxy_protocol", "tls_to_plain", "plain_to_tls", "tls_handshake")
}

type factory struct{ promauto.Factory } // adds the prefix oauthgw_

const namespace = "oauthgw"

func (f factory) counter(name, help string, labels ...string) Counter {
	return Counter{f.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)}
}

// closedCounter returns a counter with one label, and a series of zero for each value: a
// counter that begins with its first event has no increase to alert on.
func (f factory) closedCounter(name, help, label string, values ...string) Counter {
	c := f.counter(name, help, label)
	for _, value := range values {
		c.vec.WithLabelValues(value)
	}
	return c
}

func (f factory) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return f.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (f factory) gaugeFunc(name, help string, value func() float64, labels prometheus.Labels) {
	f.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help, ConstLabels: labels}, value)
}

func (f factory) seconds(name, help string, labels ...string) *prometheus.HistogramVec {
	return f.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help,
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15}}, labels)
}

// Handler serves the metrics in the exposition formats of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.InstrumentMetricHandler(m.registry, promhttp.HandlerFor(m.registry,
		// Only OpenMetrics has exemplars.
		promhttp.HandlerOpts{EnableOpenMetrics: true}))
}

func (m *Metrics) metadataAge() float64 {
	if at := m.metadataFetched.Load(); at != nil {
		return time.Since(*at).Seconds()
	}
	return math.NaN()
}
