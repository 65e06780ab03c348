package connlimit

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"regexp"
	"time"
)

// reasonByStatus maps the status of a response that net/http writes itself. No hook of
// net/http reports such a response, but no handler runs when it is written.
var reasonByStatus = map[string]string{
	"400": "malformed", "431": "header_too_large", "417": "unsupported", "501": "unsupported", "505": "unsupported",
}

// proxyHeader matches the first bytes, at least five, of a PROXY protocol header, versions 1 and 2.
var proxyHeader = regexp.MustCompile(`^(PROXY( TCP| UNKNOWN|$)|\r\n\r\n\x00)`)

// checkOpening reports a connection whose first bytes are not HTTP.
func (c *conn) checkOpening(first []byte) {
	switch {
	case first[0] == 0x16: // a TLS handshake record (RFC 8446 section 5.1)
		c.refuse("tls_to_plain", nil)
	case proxyHeader.Match(first):
		c.refuse("proxy_protocol", nil)
	}
}

// refuse reports a connection on which no request can be answered, once.
func (c *conn) refuse(reason string, err error) {
	if reason != "" && !c.handled.Swap(true) && c.listener.config.OnRefuse != nil {
		c.listener.config.OnRefuse(reason, c.RemoteAddr(), err)
	}
}

var plainRequest = regexp.MustCompile(`^[A-Z]+ ?/?$`) // the first five bytes of a request

// handshake performs the TLS handshake once, because net/http would not report its errors.
// [io.EOF] makes net/http close the connection without a response.
func (c *conn) handshake() error {
	protected, ok := c.Conn.(*tls.Conn)
	if !ok || c.tls != nil {
		return nil
	}
	_ = c.socket.SetWriteDeadline(time.Now().Add(c.listener.config.HandshakeTimeout)) // net/http has set that for reading
	err := protected.Handshake()
	if err == nil {
		state := protected.ConnectionState()
		c.tls = &state
		return nil
	}
	reason := handshakeReason(err)
	if c.refuse(reason, err); reason == "plain_to_tls" {
		_, _ = io.WriteString(c.socket, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	}
	return io.EOF
}

// handshakeReason returns why a handshake failed. Empty: the client left, as a port scanner does.
func handshakeReason(err error) string {
	var record tls.RecordHeaderError
	var network *net.OpError
	_ = errors.As(err, &record)
	switch first := record.RecordHeader[:]; {
	case proxyHeader.Match(first):
		return "proxy_protocol"
	case plainRequest.Match(first):
		return "plain_to_tls"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.As(err, &network) && (network.Op == "read" || network.Op == "write"): // otherwise it is a TLS alert
		return ""
	}
	return "tls_handshake"
}
