package connlimit

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"regexp"
	"time"
)

// plainRequest matches the first five bytes of a request.
var plainRequest = regexp.MustCompile(`^[A-Z]+ ?/?$`)

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

// handshakeReason returns why a handshake failed. Empty means that the client left, as a
// port scanner does.
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
