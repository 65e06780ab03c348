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

// Certificate records when that of a role expires: server or upstream_client. Nil: there is none.
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
