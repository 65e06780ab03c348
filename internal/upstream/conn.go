package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"time"
)

// conn is a connection to the server.
type conn struct {
	net.Conn // a [tls.Conn] if the server is an https server
	raw      net.Conn
	limit    *io.LimitedReader // reads from Conn
	reader   *bufio.Reader     // reads from limit
	expiry   *time.Timer       // closes an idle connection
}

func newConn(c, raw net.Conn) *conn {
	limit := &io.LimitedReader{R: c}
	return &conn{Conn: c, raw: raw, limit: limit, reader: bufio.NewReader(limit)}
}

// getConn returns an idle connection or a new one, unless the breaker refuses.
func (t *Transport) getConn(ctx context.Context) (*conn, error) {
	allowed, halfOpen := t.breaker.allow()
	if !allowed {
		return nil, ErrUnreachable
	}
	if !halfOpen {
		for c := t.pool.get(); c != nil; c = t.pool.get() {
			if !c.isStale() {
				return c, nil
			}
			c.close()
		}
	}
	c, err := t.dial(ctx)
	t.breaker.record(err)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return c, nil
}

// dial returns a new connection.
func (t *Transport) dial(ctx context.Context) (*conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	raw, err := dialer.DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, err
	}
	if t.tls == nil {
		return newConn(raw, raw), nil
	}
	secure := tls.Client(raw, t.tls)
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return newConn(secure, raw), nil
}

// abortIO makes pending and later reads and writes fail.
func (c *conn) abortIO() { _ = c.raw.SetDeadline(time.Unix(1, 0)) }

// close closes the connection without TLS's close_notify, for which it could have to
// wait.
func (c *conn) close() { _ = c.raw.Close() }

// isStale reports whether the server closed the connection or sent something without a
// request. What it sent would be read as the response to the next request.
func (c *conn) isStale() bool {
	if c.reader.Buffered() > 0 || isReadable(c.raw) {
		return true
	}
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return false
	}
	// TLS may have buffered data too. With a deadline in the past, Read returns only that.
	_ = secure.SetReadDeadline(time.Unix(1, 0))
	n, err := secure.Read(make([]byte, 1))
	_ = secure.SetReadDeadline(time.Time{})
	timeout, ok := err.(net.Error)
	return n > 0 || !ok || !timeout.Timeout()
}
