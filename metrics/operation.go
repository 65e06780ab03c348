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

// Ready sets the function that reports whether the gateway is ready.
func (m *Metrics) Ready(ready func() bool) { m.ready.Store(&ready) }

// LogDropped counts one dropped line of a log.
func (m *Metrics) LogDropped(log string) { m.logDropped.WithLabelValues(log).Inc() }

// Panicked counts one request, or fetch of metadata, that panicked.
func (m *Metrics) Panicked() { m.panics.Inc() }

// AdminRefused counts one request that the admin listener refused.
func (m *Metrics) AdminRefused(reason string) { m.adminRefused.WithLabelValues(reason).Inc() }

// Reasons for which the request of a connection could not be served.
const (
	HeaderTooLarge = "header_too_large" // 431
	Malformed      = "malformed"        // 400
	Unsupported    = "unsupported"      // 417, 501 or 505
	ProxyProtocol  = "proxy_protocol"   // a PROXY header, which the server does not read
	TLSToPlain     = "tls_to_plain"     // a TLS handshake on a plain HTTP port
	PlainToTLS     = "plain_to_tls"     // a plain request on a TLS port
	TLSHandshake   = "tls_handshake"    // a failed TLS handshake
)

// MalformedRequest counts a connection whose request could not be served, by reason.
func (m *Metrics) MalformedRequest(reason string) { m.malformedRequests.WithLabelValues(reason).Inc() }

// Connections sets the function that counts the client connections that are open and that
// may be open.
func (m *Metrics) Connections(count func() (open, limit int)) { m.connections.Store(&count) }

// ConnectionEvicted counts one connection closed to make room, by its state: reading,
// writing or idle.
func (m *Metrics) ConnectionEvicted(state string) { m.connectionsEvicted.WithLabelValues(state).Inc() }

// ConnectionsCut counts the client connections in use when a shutdown timed out.
func (m *Metrics) ConnectionsCut(requests, webSockets int) {
	m.connectionsCut.WithLabelValues("request").Add(float64(requests))
	m.connectionsCut.WithLabelValues("websocket").Add(float64(webSockets))
}
