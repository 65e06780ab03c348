// Package metrics holds the facts that oauthgw counts, and their names.
//
// Labels take their values from closed sets only: endpoint names, methods and
// outcomes that the program itself defines. A client_id, a path, a host or an
// error text is never a label, so that no client can add a series.
//
// The package knows nothing of where the facts come from. All of it is safe
// for concurrent use.
package metrics

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Build identifies the running binary in oauthgw_build_info.
type Build struct {
	Version, Revision, GoVersion string
}

// Metrics are the metrics of one running gateway, in a registry of their own.
type Metrics struct {
	// TraceID returns the trace that a request belongs to, or nothing. It is named
	// beside the duration of a request as an exemplar. Nil means no exemplars. It
	// must not be changed once anything is instrumented.
	TraceID func(context.Context) string

	registry *prometheus.Registry

	requests        *prometheus.CounterVec
	requestDuration *prometheus.HistogramVec
	inFlight        *prometheus.GaugeVec

	clientAuth             *prometheus.CounterVec
	conflictsTolerated     *prometheus.CounterVec
	basicDecoding          *prometheus.CounterVec
	challengesAdded        *prometheus.CounterVec
	statusesCorrected      *prometheus.CounterVec
	ambiguousInvalidClient *prometheus.CounterVec

	upstreamDuration *prometheus.HistogramVec
	upstreamErrors   *prometheus.CounterVec

	metadataRequests *prometheus.CounterVec
	metadataFetched  atomic.Pointer[time.Time] // nil: never

	reloadSuccessful prometheus.Gauge
	reloadTimestamp  prometheus.Gauge
	certificates     *prometheus.GaugeVec
	ready            atomic.Pointer[func() bool] // nil: nobody has said

	logDropped *prometheus.CounterVec

	adminRefused *prometheus.CounterVec
	panics       prometheus.Counter

	connectionsEvicted *prometheus.CounterVec
	connectionsCut     *prometheus.CounterVec
	malformedRequests  *prometheus.CounterVec
	connections        atomic.Pointer[func() (open, most int)] // nil: there is no listener
}

// New returns metrics that are all zero.
func New(b Build) *Metrics {
	m := &Metrics{
		requests:        counter("http_requests_total", "HTTP requests answered, by endpoint name, method and status code.", "endpoint", "method", "code"),
		requestDuration: seconds("http_request_duration_seconds", "Time from a request's arrival to the end of its answer.", "endpoint"),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace,
			Name: "http_requests_in_flight", Help: "HTTP requests being answered."}, []string{"endpoint"}),

		clientAuth:             counter("client_auth_total", "Requests to fronted endpoints, by client authentication method and what became of it: accepted, rejected by the provider, unclear where its response cannot be read, failed at the provider, or the gateway's refusal.", "endpoint", "auth_method", "outcome"),
		conflictsTolerated:     counter("client_auth_conflicts_tolerated_total", "Requests that passed only because client_auth.conflict is report, by the reason for which they would be refused.", "endpoint", "reason"),
		basicDecoding:          counter("basic_decoding_total", "HTTP Basic pairs, by how they were read. Ambiguous pairs were form-decoded and could have been unencoded.", "reading"),
		challengesAdded:        counter("challenges_added_total", "Replies that received a WWW-Authenticate field.", "endpoint"),
		statusesCorrected:      counter("statuses_corrected_total", "Replies whose status became 401.", "endpoint"),
		ambiguousInvalidClient: counter("upstream_ambiguous_invalid_client_total", "Responses that hold invalid_client where readers differ on it, or in another status than 400, 401 and 403, and passed as they were.", "endpoint"),

		upstreamDuration: seconds("upstream_request_duration_seconds", "Time from sending a request to the provider to having its whole reply.", "endpoint"),
		upstreamErrors:   counter("upstream_errors_total", "Requests to the provider that brought no usable reply, by reason.", "endpoint", "reason"),

		metadataRequests: counter("metadata_requests_total", "Metadata requests, by result: hit, miss, stale, not_found, unavailable.", "result"),

		reloadSuccessful: gauge("config_last_reload_successful", "Whether the last attempt to load the configuration succeeded."),
		reloadTimestamp:  gauge("config_last_reload_success_timestamp_seconds", "When the configuration was last loaded, in seconds since 1970."),

		certificates: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace,
			Name: "certificate_not_after_timestamp_seconds", Help: "When the certificate expires, in seconds since 1970, by role: server or upstream_client."}, []string{"role"}),

		panics: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace,
			Name: "panics_total", Help: "Requests, and fetches of metadata, that met an error in this program."}),

		logDropped: counter("log_dropped_total", "Log lines that were dropped because nobody took them in time, by log: operations or audit.", "log"),

		adminRefused: counter("admin_requests_refused_total", "Requests to the admin listener that were refused, by reason: host, which is not an accepted one, or cross_origin.", "reason"),

		connectionsEvicted: counter("connections_evicted_total", "Connections of clients that were closed at max_connections to make room for others, by their state: reading an incomplete request, writing a response that the client did not read, or idle.", "state"),
		connectionsCut:     counter("connections_cut_total", "Client connections closed because a shutdown timed out, by what they carried: request or websocket.", "carried"),
		malformedRequests:  counter("http_malformed_requests_total", "Connections of clients on which no request could be answered, by reason: header_too_large, malformed, unsupported, proxy_protocol, tls_to_plain, plain_to_tls, tls_handshake.", "reason"),
	}
	m.expose()
	m.register(b)
	return m
}

// expose makes series of value zero: a counter that begins with its first event has no
// increase to alert on.
func (m *Metrics) expose() {
	for _, log := range []string{"operations", "audit"} {
		m.logDropped.WithLabelValues(log)
	}
	for _, reason := range []string{"host", "cross_origin"} {
		m.adminRefused.WithLabelValues(reason)
	}
	for _, state := range []string{"reading", "writing", "idle"} {
		m.connectionsEvicted.WithLabelValues(state)
	}
	m.ConnectionsCut(0, 0)
	for _, reason := range []string{HeaderTooLarge, Malformed, Unsupported, ProxyProtocol, TLSToPlain, PlainToTLS, TLSHandshake} {
		m.malformedRequests.WithLabelValues(reason)
	}
}

const namespace = "oauthgw"

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func seconds(name, help string, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help,
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15}}, labels)
}

func (m *Metrics) register(b Build) {
	m.registry = prometheus.NewRegistry()
	m.registry.MustRegister(
		m.requests, m.requestDuration, m.inFlight,
		m.clientAuth, m.conflictsTolerated, m.basicDecoding, m.challengesAdded, m.statusesCorrected, m.ambiguousInvalidClient,
		m.upstreamDuration, m.upstreamErrors, m.metadataRequests,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "metadata_age_seconds",
			Help: "Time since metadata was last fetched from the provider; NaN before the first time."}, m.metadataAge),
		m.reloadSuccessful, m.reloadTimestamp, m.certificates, m.logDropped, m.panics, m.connectionsEvicted, m.connectionsCut, m.adminRefused, m.malformedRequests,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "connections_open",
			Help: "Open connections of clients."}, m.openConnections),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "connections_max",
			Help: "Connections of clients that may be open at a time."}, m.maxConnections),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "ready",
			Help: "Whether requests can be answered and the gateway is not draining, as /-/ready says."}, m.readiness),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info",
			Help:        "Always 1; the labels identify the binary.",
			ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion}},
			func() float64 { return 1 }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
}

// Handler serves the metrics in the exposition formats of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.InstrumentMetricHandler(m.registry, promhttp.HandlerFor(m.registry,
		// Only OpenMetrics has exemplars.
		promhttp.HandlerOpts{EnableOpenMetrics: true}))
}
