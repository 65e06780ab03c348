package metrics

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ClientAuth counts one request to a fronted endpoint.
func (m *Metrics) ClientAuth(endpoint, method, outcome string) {
	m.clientAuth.WithLabelValues(endpoint, method, outcome).Inc()
}

// ConflictTolerated counts one request that conflict: report let pass.
func (m *Metrics) ConflictTolerated(endpoint, reason string) {
	m.conflictsTolerated.WithLabelValues(endpoint, reason).Inc()
}

// ClientAuthCount is one series of oauthgw_client_auth_total.
type ClientAuthCount struct {
	Endpoint, Method, Outcome string
	Count                     uint64
}

// ClientAuthCounts returns what [Metrics.ClientAuth] has counted, sorted by
// endpoint, method and outcome.
func (m *Metrics) ClientAuthCounts() []ClientAuthCount {
	// A registry of its own, so that nothing else is collected.
	r := prometheus.NewRegistry()
	r.MustRegister(m.clientAuth)
	families, err := r.Gather()
	if err != nil {
		return nil // counters are always consistent with themselves
	}
	var counts []ClientAuthCount
	for _, family := range families {
		for _, series := range family.GetMetric() {
			labels := series.GetLabel() // auth_method, endpoint, outcome
			counts = append(counts, ClientAuthCount{labels[1].GetValue(), labels[0].GetValue(), labels[2].GetValue(), uint64(series.GetCounter().GetValue())})
		}
	}
	slices.SortStableFunc(counts, func(a, b ClientAuthCount) int { return strings.Compare(a.Endpoint, b.Endpoint) })
	return counts
}

// BasicDecoding counts one HTTP Basic pair by how it was read.
func (m *Metrics) BasicDecoding(reading string) {
	m.basicDecoding.WithLabelValues(reading).Inc()
}

// ChallengeAdded counts one reply that received a challenge.
func (m *Metrics) ChallengeAdded(endpoint string) {
	m.challengesAdded.WithLabelValues(endpoint).Inc()
}

// AmbiguousInvalidClient counts one response that holds invalid_client and does not plainly
// say so.
func (m *Metrics) AmbiguousInvalidClient(endpoint string) {
	m.ambiguousInvalidClient.WithLabelValues(endpoint).Inc()
}

// StatusCorrected counts one reply whose status became 401.
func (m *Metrics) StatusCorrected(endpoint string) {
	m.statusesCorrected.WithLabelValues(endpoint).Inc()
}

// UpstreamDuration records how long the provider took for one request.
func (m *Metrics) UpstreamDuration(endpoint string, d time.Duration) {
	m.upstreamDuration.WithLabelValues(endpoint).Observe(d.Seconds())
}

// UpstreamError counts one request that brought no usable reply.
func (m *Metrics) UpstreamError(endpoint, reason string) {
	m.upstreamErrors.WithLabelValues(endpoint, reason).Inc()
}

// MetadataRequest counts one metadata request by its result.
func (m *Metrics) MetadataRequest(result string) {
	m.metadataRequests.WithLabelValues(result).Inc()
}

// MetadataFetched records that metadata was just fetched from the provider.
func (m *Metrics) MetadataFetched() {
	now := time.Now()
	m.metadataFetched.Store(&now)
}

func (m *Metrics) metadataAge() float64 {
	if at := m.metadataFetched.Load(); at != nil {
		return time.Since(*at).Seconds()
	}
	return math.NaN()
}
