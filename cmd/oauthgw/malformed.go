package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"oauthgw/metrics"
)

// net/http answers some requests before any handler runs, and no hook reports them. The
// connection sees it: a response that is written while no handler answers is net/http's
// own. TLS handshakes are performed here, for the same reason.

// reasonByStatus are the reasons by the status that net/http answers.
var reasonByStatus = map[string]string{
	"400": metrics.Malformed, "431": metrics.HeaderTooLarge,
	"417": metrics.Unsupported, "501": metrics.Unsupported, "505": metrics.Unsupported,
}

// openings are first bytes that begin another protocol: the first byte of a TLS
// handshake record (RFC 8446 section 5.1), and a header of the PROXY protocol,
// versions 1 and 2. "PROXY" alone may be the method of a request.
var openings = []struct{ prefix, reason string }{
	{"\x16", metrics.TLSToPlain},
	{"PROXY ", metrics.ProxyProtocol},
	{"\r\n\r\n\x00", metrics.ProxyProtocol},
}

// openingOf returns which protocol the first bytes begin. Empty means HTTP, or
// whatever net/http takes it for.
func openingOf(first []byte) string {
	for _, o := range openings {
		if bytes.HasPrefix(first, []byte(o.prefix)) {
			return o.reason
		}
	}
	return ""
}

// noteOpening remembers the first bytes that arrive.
func (c *connection) noteOpening(first []byte) {
	if !c.begun {
		c.begun, c.opening = true, openingOf(first)
	}
}

// noteRefusal counts a response of net/http's own.
func (c *connection) noteRefusal(response []byte) {
	if !bytes.HasPrefix(response, []byte("HTTP/1.")) || len(response) < 12 {
		return
	}
	reason := reasonByStatus[string(response[9:12])]
	if c.opening != "" {
		reason = c.opening
	}
	c.refuse(reason, nil)
}

// noteEnd counts a TLS handshake that arrived instead of a request. Where it holds no
// line feed, net/http reads until the client gives up, and answers nothing.
func (c *connection) noteEnd() {
	if c.opening == metrics.TLSToPlain {
		c.refuse(c.opening, nil)
	}
}

// refuse counts a connection on which no request can be answered, once.
func (c *connection) refuse(reason string, err error) {
	if reason != "" && !c.handled.Swap(true) && c.of.refused != nil {
		c.of.refused(reason, c.RemoteAddr(), err)
	}
}

// handshake performs the TLS handshake if there is one to perform. [io.EOF] is what
// makes net/http close the connection without a response.
func (c *connection) handshake() error {
	protected, ok := c.Conn.(*tls.Conn)
	if !ok || c.state != nil {
		return nil
	}
	_ = c.socket.SetWriteDeadline(time.Now().Add(headerTime)) // net/http has set that for reading
	err := protected.Handshake()
	if err == nil {
		state := protected.ConnectionState()
		c.state = &state
		return nil
	}
	reason := handshakeReason(err)
	c.refuse(reason, err)
	if reason == metrics.PlainToTLS {
		_, _ = io.WriteString(c.socket, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	}
	return io.EOF
}

// handshakeReason returns why a handshake failed. Empty means that the client left or
// said too little, as a probe of the port does.
func handshakeReason(err error) string {
	var record tls.RecordHeaderError
	var network *net.OpError
	switch {
	case errors.As(err, &record):
		return recordReason(record.RecordHeader[:])
	case errors.As(err, &network) && (network.Op == "local error" || network.Op == "remote error"): // an alert of either side
		return metrics.TLSHandshake
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded), network != nil:
		return ""
	}
	return metrics.TLSHandshake
}

// recordReason returns what five bytes begin that are no TLS record.
func recordReason(first []byte) string {
	if bytes.Equal(first, []byte("PROXY")) || openingOf(first) == metrics.ProxyProtocol {
		return metrics.ProxyProtocol
	}
	for _, method := range []string{"GET /", "HEAD ", "POST ", "PUT /", "DELET", "PATCH", "OPTIO"} {
		if string(first) == method {
			return metrics.PlainToTLS
		}
	}
	return metrics.TLSHandshake
}
