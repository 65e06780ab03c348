package metrics

import "time"

// ConfigLoaded records an attempt to load the configuration.
func (m *Metrics) ConfigLoaded(ok bool) {
	if !ok {
		m.reloadSuccessful.Set(0)
		return
	}
	m.reloadSuccessful.Set(1)
	m.reloadTimestamp.SetToCurrentTime()
}

// Certificate records when the certificate of a role expires: server or
// upstream_client. Zero means that there is none.
func (m *Metrics) Certificate(role string, notAfter time.Time) {
	if notAfter.IsZero() {
		m.certificates.DeleteLabelValues(role)
		return
	}
	m.certificates.WithLabelValues(role).Set(float64(notAfter.Unix()))
}

// Ready makes every scrape ask whether the gateway is ready. Before that it is
// not.
func (m *Metrics) Ready(ready func() bool) { m.ready.Store(&ready) }

func (m *Metrics) readiness() float64 {
	if ready := m.ready.Load(); ready != nil && (*ready)() {
		return 1
	}
	return 0
}

// LogDropped counts one line of a log that was dropped.
func (m *Metrics) LogDropped(log string) { m.logDropped.WithLabelValues(log).Inc() }

// Panicked counts one request, or fetch of metadata, that met an error in this
// program.
func (m *Metrics) Panicked() { m.panics.Inc() }

// AdminRefused counts one request that the admin listener refused.
func (m *Metrics) AdminRefused(reason string) { m.adminRefused.WithLabelValues(reason).Inc() }

// ConnectionEvicted counts one connection that left for another, by its state:
// reading, writing or idle.
func (m *Metrics) ConnectionEvicted(state string) {
	m.connectionsEvicted.WithLabelValues(state).Inc()
}

// ConnectionsCut counts the connections of clients that were in use when a shutdown
// timed out, by what they carried.
func (m *Metrics) ConnectionsCut(requests, webSockets int) {
	m.connectionsCut.WithLabelValues("request").Add(float64(requests))
	m.connectionsCut.WithLabelValues("websocket").Add(float64(webSockets))
}
