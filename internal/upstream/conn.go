package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

type conn struct {
	net.Conn
	raw    net.Conn          // below TLS, or Conn itself
	limit  *io.LimitedReader // reads from Conn
	reader *bufio.Reader     // reads from limit
	expiry *time.Timer       // closes an idle connection
	opened time.Time
}

func newConn(c net.Conn) *conn {
	limit := &io.LimitedReader{R: c}
	out := &conn{Conn: c, raw: c, limit: limit, reader: bufio.NewReader(limit), opened: time.Now()}
	if secure, ok := c.(*tls.Conn); ok {
		out.raw = secure.NetConn()
	}
	return out
}

func (t *Transport) getConn(ctx context.Context) (*conn, error) {
	for c := t.pool.get(); c != nil; c = t.pool.get() {
		isOld := t.maxAge > 0 && time.Since(c.opened) >= t.maxAge
		if !isOld && !c.isStale() {
			return c, nil
		}
		c.close()
	}
	c, err := t.dial(ctx, t.network, t.address)
	if err != nil {
		return nil, err
	}
	return newConn(c), nil
}

// abortIO makes pending and later reads and writes fail.
func (c *conn) abortIO() { _ = c.raw.SetDeadline(time.Unix(1, 0)) }

// close closes the connection without TLS's close_notify, which could block.
func (c *conn) close() { _ = c.raw.Close() }

// isStale reports whether the server closed the connection or sent bytes without a request,
// which would be read as the response to the next request.
func (c *conn) isStale() bool {
	if isReadable(c.raw) {
		return true
	}
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return false
	}
	// With a deadline in the past, Read returns only data that TLS has buffered.
	_ = secure.SetReadDeadline(time.Unix(1, 0))
	n, err := secure.Read(make([]byte, 1))
	_ = secure.SetReadDeadline(time.Time{})
	timeout, ok := err.(net.Error)
	return n > 0 || !ok || !timeout.Timeout()
}

// isReadable reports whether a read from a connection would return at once.
func isReadable(c net.Conn) bool {
	readable := true
	socket, err := c.(syscall.Conn).SyscallConn()
	if err == nil {
		err = socket.Read(func(fd uintptr) bool {
			_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			readable = err != syscall.EAGAIN && err != syscall.EWOULDBLOCK
			return true
		})
	}
	return readable || err != nil
}

// pool holds the idle connections. It is safe for concurrent use.
type pool struct {
	timeout time.Duration
	mu      sync.Mutex
	conns   []*conn // the most recently used last
}

// get removes and returns the most recently used connection, or nil.
func (p *pool) get() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.conns) - 1
	if last < 0 {
		return nil
	}
	c := p.conns[last]
	p.conns = p.conns[:last]
	c.expiry.Stop()
	return c
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
	c.expiry = time.AfterFunc(p.timeout, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if i := slices.Index(p.conns, c); i >= 0 { // still idle
			p.conns = slices.Delete(p.conns, i, i+1)
			c.close()
		}
	})
}
