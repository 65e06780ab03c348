package connlimit

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// Reasons for which net/http or TLS refuses a request before a handler runs.
const (
	HeaderTooLarge = "header_too_large" // answered 431
	Malformed      = "malformed"        // answered 400
	Unsupported    = "unsupported"      // answered 417, 501 or 505
	ProxyProtocol  = "proxy_protocol"   // a PROXY header
	TLSToPlain     = "tls_to_plain"     // a TLS handshake on a plain listener
	PlainToTLS     = "plain_to_tls"     // a plain request on a TLS listener
	TLSHandshake   = "tls_handshake"    // a TLS handshake that failed
)

// reasonByStatus maps the status of a response that net/http writes itself. No hook of
// net/http reports such a response, but conn sees it: no handler runs when it is written.
var reasonByStatus = map[string]string{
	"400": Malformed, "431": HeaderTooLarge, "417": Unsupported, "501": Unsupported, "505": Unsupported,
}

// openings are the first bytes of other protocols: a TLS handshake record (RFC 8446
// section 5.1), and a header of the PROXY protocol, versions 1 and 2. "PROXY" alone may be
// the method of a request.
var openings = []struct{ prefix, reason string }{
	{"\x16", TLSToPlain}, {"PROXY ", ProxyProtocol}, {"\r\n\r\n\x00", ProxyProtocol},
}

// openingOf returns which other protocol the first bytes begin. Empty means HTTP.
func openingOf(first []byte) string {
	for _, o := range openings {
		if bytes.HasPrefix(first, []byte(o.prefix)) {
			return o.reason
		}
	}
	return ""
}

// reportRefusal reports a response of net/http's own.
func (c *conn) reportRefusal(response []byte) {
	if !bytes.HasPrefix(response, []byte("HTTP/1.")) || len(response) < 12 {
		return
	}
	reason := reasonByStatus[string(response[9:12])]
	if c.opening != "" {
		reason = c.opening
	}
	c.refuse(reason, nil)
}

// endReading reports a TLS handshake on a plain listener. If there is no line feed in it,
// net/http reads until the client gives up and answers nothing.
func (c *conn) endReading() {
	if c.opening == TLSToPlain {
		c.refuse(c.opening, nil)
	}
}

// refuse reports a connection on which no request can be answered, once.
func (c *conn) refuse(reason string, err error) {
	if reason != "" && !c.handled.Swap(true) && c.listener.config.OnRefuse != nil {
		c.listener.config.OnRefuse(reason, c.RemoteAddr(), err)
	}
}

// handshake performs the TLS handshake if it is still to be performed, because net/http
// would not report its errors. [io.EOF] makes net/http close the connection without a
// response.
func (c *conn) handshake() error {
	protected, ok := c.Conn.(*tls.Conn)
	if !ok || c.tls != nil {
		return nil
	}
	// net/http has set the deadline for reading.
	_ = c.socket.SetWriteDeadline(time.Now().Add(c.listener.config.HeaderTimeout))
	err := protected.Handshake()
	if err == nil {
		state := protected.ConnectionState()
		c.tls = &state
		return nil
	}
	reason := handshakeReason(err)
	c.refuse(reason, err)
	if reason == PlainToTLS {
		_, _ = io.WriteString(c.socket, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	}
	return io.EOF
}

// handshakeReason returns why a handshake failed. Empty means that the client left, as a
// port scanner does.
func handshakeReason(err error) string {
	var record tls.RecordHeaderError
	var network *net.OpError
	switch {
	case errors.As(err, &record):
		return recordReason(record.RecordHeader[:])
	case errors.As(err, &network) && (network.Op == "local error" || network.Op == "remote error"): // a TLS alert
		return TLSHandshake
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded), network != nil:
		return ""
	}
	return TLSHandshake
}

// recordReason returns what five bytes begin that are not a TLS record.
func recordReason(first []byte) string {
	if bytes.Equal(first, []byte("PROXY")) || openingOf(first) == ProxyProtocol {
		return ProxyProtocol
	}
	for _, method := range []string{"GET /", "HEAD ", "POST ", "PUT /", "DELET", "PATCH", "OPTIO"} {
		if string(first) == method {
			return PlainToTLS
		}
	}
	return TLSHandshake
}
