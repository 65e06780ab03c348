package metrics

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"oauthgw/internal/responserecorder"

	"github.com/prometheus/client_golang/prometheus"
)

// Instrument counts and times the requests that next answers, under the name
// of an endpoint. One that ends without an answer is in neither.
func (m *Metrics) Instrument(endpoint string, next http.Handler) http.Handler {
	inFlight := m.inFlight.WithLabelValues(endpoint)
	duration := m.requestDuration.WithLabelValues(endpoint).(prometheus.ExemplarObserver)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inFlight.Inc()
		defer inFlight.Dec()
		start := time.Now()
		response, w := responserecorder.Wrap(w)
		next.ServeHTTP(w, r)
		status := cmp.Or(response.Status(), http.StatusOK) // net/http sends it
		m.requests.WithLabelValues(endpoint, method(r.Method), strconv.Itoa(status)).Inc()
		duration.ObserveWithExemplar(time.Since(start).Seconds(), m.exemplar(r.Context()))
	})
}

// method returns a method as a label: a word of a closed set.
func method(m string) string {
	switch m {
	case http.MethodGet:
		return "get"
	case http.MethodHead:
		return "head"
	case http.MethodPost:
		return "post"
	case http.MethodPut:
		return "put"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		return "delete"
	case http.MethodOptions:
		return "options"
	case http.MethodConnect:
		return "connect"
	case http.MethodTrace:
		return "trace"
	}
	return "unknown"
}

func (m *Metrics) exemplar(ctx context.Context) prometheus.Labels {
	if m.TraceID == nil {
		return nil
	}
	if id := m.TraceID(ctx); id != "" {
		return prometheus.Labels{"trace_id": id}
	}
	return nil
}
