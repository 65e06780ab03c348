package connlimit

import (
	"bytes"
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

// openings are the first bytes of other protocols: a TLS handshake record (RFC 8446
// section 5.1), and a header of the PROXY protocol, versions 1 and 2.
var openings = []struct{ prefix, reason string }{
	{"\x16", "tls_to_plain"},
	{"PROXY TCP", "proxy_protocol"}, {"PROXY UNKNOWN", "proxy_protocol"}, {"\r\n\r\n\x00", "proxy_protocol"},
}

// checkOpening reports a connection whose first bytes are not HTTP.
func (c *conn) checkOpening(first []byte) {
	for _, o := range openings {
		if bytes.HasPrefix(first, []byte(o.prefix)) {
			c.refuse(o.reason, nil)
		}
	}
}

// refuse reports a connection on which no request can be answered, once.
func (c *conn) refuse(reason string, err error) {
	if reason != "" && !c.handled.Swap(true) && c.listener.config.OnRefuse != nil {
		c.listener.config.OnRefuse(reason, c.RemoteAddr(), err)
	}
}

const handshakeTimeout = 5 * time.Second

// handshake performs the TLS handshake once, because net/http would not report its errors.
// [io.EOF] makes net/http close the connection without a response.
func (c *conn) handshake() error {
	protected, ok := c.Conn.(*tls.Conn)
	if !ok || c.tls != nil {
		return nil
	}
	_ = c.socket.SetWriteDeadline(time.Now().Add(handshakeTimeout)) // net/http has set that for reading
	if err := protected.Handshake(); err != nil {
		c.refuseHandshake(err)
		return io.EOF
	}
	state := protected.ConnectionState()
	c.tls = &state
	return nil
}

// plainRequest matches the first five bytes of a plain request.
var plainRequest = regexp.MustCompile(`^[A-Z]+ ?/?$`)

// refuseHandshake reports a TLS handshake that failed. It answers a plain request, and does
// not report a client that leaves, as a port scanner does.
func (c *conn) refuseHandshake(err error) {
	var record tls.RecordHeaderError
	var network *net.OpError
	if !errors.As(err, &record) {
		// Another OpError is a TLS alert.
		left := errors.As(err, &network) && (network.Op == "read" || network.Op == "write")
		if !left && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			c.refuse("tls_handshake", err)
		}
		return
	}
	switch first := string(record.RecordHeader[:]); {
	case first == "PROXY", first == "\r\n\r\n\x00":
		c.refuse("proxy_protocol", err)
	case plainRequest.MatchString(first):
		c.refuse("plain_to_tls", err)
		_, _ = io.WriteString(c.socket, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	default:
		c.refuse("tls_handshake", err)
	}
}
