package main

import (
	"net"
	"sync"
	"syscall"
)

const (
	// mostConnections is the bound that is not exceeded unasked: each connection
	// takes some kilobytes, whether anything is asked on it or not, and these fit into
	// 256 MiB with all that slow clients can put into them.
	mostConnections = 8000
	// otherFiles are the descriptors that neither clients nor the provider take.
	otherFiles = 64
)

// maxConnections reads the bound of connections. A connection to the provider
// may belong to each of a client, so half of the descriptors is the most that can
// be served.
func (m *mistakes) maxConnections(n int) int {
	if n < 0 {
		m.add("max_connections", "must not be negative")
	}
	if n != 0 {
		return n
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return mostConnections
	}
	enough := min(files.Cur, 2*mostConnections+otherFiles) // there may be no bound
	// #nosec G115 -- it is small by now
	return int(max(1, (int64(enough)-otherFiles)/2))
}

// atMost lets a listener take a connection only while fewer than n are open. The
// others wait in the system's queue, where they cost nothing.
func atMost(n int, l net.Listener) net.Listener {
	return &bounded{Listener: l, open: make(chan struct{}, n), closed: make(chan struct{})}
}

type bounded struct {
	net.Listener
	open   chan struct{} // one for each connection
	once   sync.Once
	closed chan struct{}
}

// Accept implements [net.Listener].
func (b *bounded) Accept() (net.Conn, error) {
	select {
	case b.open <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.open
		return nil, err
	}
	return &boundedConn{Conn: c, release: sync.OnceFunc(func() { <-b.open })}, nil
}

// Close implements [net.Listener].
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Listener.Close()
}

type boundedConn struct {
	net.Conn
	release func()
}

// Close implements [net.Conn].
func (c *boundedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// CloseWrite lets net/http end a connection without losing an answer that the
// client has not read yet.
func (c *boundedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
