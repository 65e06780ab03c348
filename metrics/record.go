package metrics

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Endpoint records the requests to one endpoint.
type Endpoint struct {
	inFlight prometheus.Gauge
	requests *prometheus.CounterVec
	duration prometheus.ExemplarObserver
}

// Endpoint returns the recorder of the requests to an endpoint.
func (m *Metrics) Endpoint(name string) Endpoint {
	return Endpoint{m.inFlight.WithLabelValues(name), m.requests.vec.MustCurryWith(prometheus.Labels{"endpoint": name}),
		m.requestDuration.WithLabelValues(name).(prometheus.ExemplarObserver)}
}

// InFlight adds to the requests in flight.
func (e Endpoint) InFlight(n int) { e.inFlight.Add(float64(n)) }

// Request counts one request by status, end and duration. Trace is empty if it is not traced.
func (e Endpoint) Request(method string, status int, end string, d time.Duration, trace string) {
	e.requests.WithLabelValues(methodLabel(method), strconv.Itoa(status), end).Inc()
	var exemplar prometheus.Labels
	if trace != "" {
		exemplar = prometheus.Labels{"trace_id": trace}
	}
	e.duration.ObserveWithExemplar(d.Seconds(), exemplar)
}

func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return strings.ToLower(method)
	}
	return "unknown"
}

// ClientAuthCount is one series of oauthgw_client_auth_total.
type ClientAuthCount struct {
	Endpoint, Method, Outcome string
	Count                     uint64
}

// ClientAuthCounts returns the counts of [Metrics.ClientAuth], sorted by their labels.
func (m *Metrics) ClientAuthCounts() []ClientAuthCount {
	var counts []ClientAuthCount
	eachSeries(m.ClientAuth, func(labels []string, count uint64) { // auth_method, endpoint, outcome
		counts = append(counts, ClientAuthCount{labels[1], labels[0], labels[2], count})
	})
	slices.SortStableFunc(counts, func(a, b ClientAuthCount) int { return strings.Compare(a.Endpoint, b.Endpoint) })
	return counts
}

// eachSeries visits the series of a counter, sorted by their labels, which are sorted by name.
func eachSeries(c Counter, visit func(labels []string, count uint64)) {
	r := prometheus.NewRegistry() // to gather nothing else
	r.MustRegister(c.vec)
	families, _ := r.Gather() // counters are always consistent
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetValue())
			}
			visit(labels, uint64(metric.GetCounter().GetValue()))
		}
	}
}

// RepairCount is one series of oauthgw_repairs_total.
type RepairCount struct {
	Endpoint, Repair string
	Count            uint64
}

// RepairCounts returns the counts of [Metrics.Repaired], sorted by endpoint and repair.
func (m *Metrics) RepairCounts() (counts []RepairCount) {
	eachSeries(m.Repaired, func(labels []string, count uint64) { counts = append(counts, RepairCount{labels[0], labels[1], count}) })
	return counts
}

// UpstreamDuration records how long the provider took for one request.
func (m *Metrics) UpstreamDuration(endpoint string, d time.Duration) {
	m.upstreamDuration.WithLabelValues(endpoint).Observe(d.Seconds())
}

// MetadataFetched records that metadata was just fetched from the provider.
func (m *Metrics) MetadataFetched() {
	now := time.Now()
	m.metadataFetched.Store(&now)
}

// ConfigLoaded records an attempt to load the configuration.
func (m *Metrics) ConfigLoaded(ok bool) {
	m.reloadSuccessful.Set(number(ok))
	if ok {
		m.reloadTimestamp.SetToCurrentTime()
	}
}

// Certificate records when that of a role expires: server or upstream_client. Nil: there is none.
func (m *Metrics) Certificate(role string, c *tls.Certificate) {
	if c == nil {
		m.certificates.DeleteLabelValues(role)
		return
	}
	m.certificates.WithLabelValues(role).Set(float64(c.Leaf.NotAfter.Unix()))
}

// KeysFetched counts an attempt to fetch the keys at a jwks_uri.
func (m *Metrics) KeysFetched(ok bool) {
	m.KeyFetch.Inc(map[bool]string{true: "success", false: "failure"}[ok])
}

// StateIsUp returns what StateUp recorded last, or true.
func (m *Metrics) StateIsUp() bool { return !m.stateDown.Load() }

// StateUp records whether a check could write to Redis.
func (m *Metrics) StateUp(up bool) { m.stateDown.Store(!up) }

// Assertions adds the metrics of the age of fetched keys, and of the used
// assertions that are remembered in memory. It is called once.
func (m *Metrics) Assertions(keysAge func() time.Duration, remembered func() int) {
	m.factory.gaugeFunc("jwks_age_seconds", "Time since the keys at a jwks_uri were last fetched, or since the start; the longest if there are several, and 0 if there is none.", func() float64 { return keysAge().Seconds() }, nil)
	m.factory.gaugeFunc("replays_remembered", "Used assertions that are remembered in memory; those in Redis are not counted.", func() float64 { return float64(remembered()) }, nil)
}

func number(is bool) float64 { return map[bool]float64{true: 1}[is] }

// Ready adds the metric of readiness. It is called once.
func (m *Metrics) Ready(ready func() bool) {
	m.factory.gaugeFunc("ready", "Whether the gateway can serve requests and is not draining, as /-/ready.", func() float64 { return number(ready()) }, nil)
}

// Connections adds the metrics of open client connections and their limit. It is called once.
func (m *Metrics) Connections(count func() (open, limit int)) {
	m.factory.gaugeFunc("connections_open", "Open client connections.", func() float64 { open, _ := count(); return float64(open) }, nil)
	m.factory.gaugeFunc("connections_max", "Client connections that may be open at a time.", func() float64 { _, limit := count(); return float64(limit) }, nil)
}

// ConnectionsCut counts the client connections in use when a shutdown timed out.
func (m *Metrics) ConnectionsCut(requests, webSockets int) {
	m.connectionsCut.vec.WithLabelValues("request").Add(float64(requests))
	m.connectionsCut.vec.WithLabelValues("websocket").Add(float64(webSockets))
}
