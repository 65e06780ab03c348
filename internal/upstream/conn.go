package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"time"
)

// connection is a connection to the server, and what was read from it ahead.
type connection struct {
	net.Conn // with TLS, if there is any
	plain    net.Conn
	socket   syscall.RawConn   // of plain
	limit    *io.LimitedReader // between the connection and in
	in       *bufio.Reader
	expiry   *time.Timer // of one that is idle; nil: it never was
}

func newConnection(c, plain net.Conn, socket syscall.RawConn) *connection {
	limit := &io.LimitedReader{R: c}
	return &connection{Conn: c, plain: plain, socket: socket, limit: limit, in: bufio.NewReader(limit)}
}

// connection returns an idle connection, or connects.
func (t *Transport) connection(ctx context.Context) (*connection, error) {
	for c := t.idle.take(); c != nil; c = t.idle.take() {
		if c.isSilent() {
			return c, nil
		}
		c.drop()
	}
	return t.connect(ctx)
}

func (t *Transport) connect(ctx context.Context) (*connection, error) {
	network, address := t.address()
	dialer := net.Dialer{Timeout: t.ConnectTime}
	plain, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	socket, err := plain.(syscall.Conn).SyscallConn()
	if err != nil {
		_ = plain.Close()
		return nil, err
	}
	if t.Server.Scheme != "https" {
		return newConnection(plain, plain, socket), nil
	}
	// #nosec G402 -- Go itself begins at TLS 1.2
	config := &tls.Config{}
	if t.TLS != nil {
		config = t.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = t.Server.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	secure := tls.Client(plain, config)
	ctx, cancel := context.WithTimeout(ctx, t.ConnectTime)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, err
	}
	return newConnection(secure, plain, socket), nil
}

// address returns where the server is.
func (t *Transport) address() (network, address string) {
	if t.Socket != "" {
		return "unix", t.Socket
	}
	if t.Server.Port() != "" {
		return "tcp", t.Server.Host
	}
	return "tcp", net.JoinHostPort(t.Server.Hostname(), map[string]string{"http": "80", "https": "443"}[t.Server.Scheme])
}

// interrupt ends what is being read or written.
func (c *connection) interrupt() { _ = c.plain.SetDeadline(time.Unix(1, 0)) }

// drop closes the connection. With TLS there is no farewell: it could wait for
// the other end.
func (c *connection) drop() { _ = c.plain.Close() }

// isSilent reports whether the server has neither closed the connection nor said
// anything on it that nobody asked for: then it may carry a request, and what
// comes next is the reply to that.
func (c *connection) isSilent() bool {
	if c.in.Buffered() > 0 || isReadable(c.socket) {
		return false
	}
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return true
	}
	// TLS may have read ahead too. A deadline that is over lets it give what it
	// has, and not wait for more.
	_ = secure.SetReadDeadline(time.Unix(1, 0))
	n, err := secure.Read(make([]byte, 1))
	_ = secure.SetReadDeadline(time.Time{})
	timeout, ok := err.(net.Error)
	return n == 0 && ok && timeout.Timeout()
}
