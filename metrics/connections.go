package metrics

// Reasons for which no request of a connection could be answered.
const (
	HeaderTooLarge = "header_too_large" // answered 431
	Malformed      = "malformed"        // answered 400
	Unsupported    = "unsupported"      // answered 417, 501 or 505
	ProxyProtocol  = "proxy_protocol"   // a PROXY header, which nothing here reads
	TLSToPlain     = "tls_to_plain"     // a TLS handshake where plain HTTP is spoken
	PlainToTLS     = "plain_to_tls"     // a plain request where TLS is spoken
	TLSHandshake   = "tls_handshake"    // a TLS handshake that failed
)

// MalformedRequest counts a connection on which no request could be answered, by one
// of the reasons above.
func (m *Metrics) MalformedRequest(reason string) {
	m.malformedRequests.WithLabelValues(reason).Inc()
}

// Connections sets what returns how many connections of clients are open, and how many
// may be.
func (m *Metrics) Connections(count func() (open, most int)) { m.connections.Store(&count) }

func (m *Metrics) openConnections() float64 { open, _ := m.countConnections(); return float64(open) }

func (m *Metrics) maxConnections() float64 { _, most := m.countConnections(); return float64(most) }

func (m *Metrics) countConnections() (open, most int) {
	if count := m.connections.Load(); count != nil {
		return (*count)()
	}
	return 0, 0
}
