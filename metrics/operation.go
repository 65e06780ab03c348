package metrics

import "crypto/tls"

// ConfigLoaded records an attempt to load the configuration.
func (m *Metrics) ConfigLoaded(ok bool) {
	if !ok {
		m.reloadSuccessful.Set(0)
		return
	}
	m.reloadSuccessful.Set(1)
	m.reloadTimestamp.SetToCurrentTime()
}

// Certificate records when the certificate of a role expires: server or upstream_client.
// Nil means that there is none.
func (m *Metrics) Certificate(role string, c *tls.Certificate) {
	if c == nil {
		m.certificates.DeleteLabelValues(role)
		return
	}
	m.certificates.WithLabelValues(role).Set(float64(c.Leaf.NotAfter.Unix()))
}

// Ready adds the metric of readiness. It is called once.
func (m *Metrics) Ready(ready func() bool) {
	m.factory.gaugeFunc("ready", "Whether the gateway can serve requests and is not draining, as /-/ready.", func() float64 {
		if ready() {
			return 1
		}
		return 0
	}, nil)
}

// LogDropped counts one dropped line of a log.
func (m *Metrics) LogDropped(log string) { m.logDropped.WithLabelValues(log).Inc() }

// Panicked counts one request, or fetch of metadata, that panicked.
func (m *Metrics) Panicked() { m.panics.Inc() }

// AdminRefused counts one request that the admin listener refused.
func (m *Metrics) AdminRefused(reason string) { m.adminRefused.WithLabelValues(reason).Inc() }

// MalformedRequest counts a connection whose request could not be served, by reason.
func (m *Metrics) MalformedRequest(reason string) { m.malformedRequests.WithLabelValues(reason).Inc() }

// Connections adds the metrics of the client connections that are open and that may be open.
// It is called once.
func (m *Metrics) Connections(count func() (open, limit int)) {
	m.factory.gaugeFunc("connections_open", "Open client connections.", func() float64 { open, _ := count(); return float64(open) }, nil)
	m.factory.gaugeFunc("connections_max", "Client connections that may be open at a time.", func() float64 { _, limit := count(); return float64(limit) }, nil)
}

// ConnectionEvicted counts one connection closed to make room, by its state: reading,
// writing or idle.
func (m *Metrics) ConnectionEvicted(state string) { m.connectionsEvicted.WithLabelValues(state).Inc() }

// ConnectionsCut counts the client connections in use when a shutdown timed out.
func (m *Metrics) ConnectionsCut(requests, webSockets int) {
	m.connectionsCut.WithLabelValues("request").Add(float64(requests))
	m.connectionsCut.WithLabelValues("websocket").Add(float64(webSockets))
}
