// Package connlimit limits client connections, and evicts slow and idle ones at the limit.
//
// [Listener] enforces the limit. [ConnContext], [ConnState] and [TrackBody] report to it what
// net/http does with a connection, so that it knows which ones wait for their clients. [Admit]
// and [Release] limit the requests that no timeout ends. A connection also performs the TLS
// handshake, limits the number of header fields, and reports requests that net/http refuses.
package connlimit

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// minEvictAge is how long a connection may wait before it can be evicted. Most clients send in one go.
const minEvictAge = time.Second

// Config configures a [Listener]. The functions may be nil.
type Config struct {
	Max              int                // connections that may be open at a time
	TLS              *tls.Config        // of the server; nil: plain HTTP
	HandshakeTimeout time.Duration      // of writes, positive with TLS; that of reads is net/http's
	OnEvict          func(state string) // of the evicted connection: reading, writing or idle
	// OnLimit is called when a limit is reached: max_connections, streams or uploads. It
	// gets the number of connections that were admitted by [Admit].
	OnLimit func(limit string, admitted int)
	// OnRefuse is called when net/http or TLS refuses a request in front of the handler, for
	// one of the reasons of the metric http_malformed_requests_total.
	OnRefuse func(reason string, client net.Addr, err error)
}

// Listener limits open connections. When it is full, a new connection waits until one is
// closed, or takes the place of the one that has waited longest for its client. Further
// ones wait in the queue of the system. It is safe for concurrent use.
type Listener struct {
	net.Listener
	config  Config
	changed chan struct{} // a connection was closed, or may be evicted earlier
	starved atomic.Bool   // a new connection has waited for minEvictAge

	mu       sync.Mutex
	closed   bool
	cut      bool // the shutdown has timed out
	open     int
	admitted int // connections that Admit has admitted
	uploads  int // those of them whose request body is incomplete
	conns    [states]connList
}

// New returns a listener that limits the connections of l.
func New(l net.Listener, c Config) *Listener {
	return &Listener{Listener: l, config: c, changed: make(chan struct{}, 1)}
}

// Accept implements [net.Listener].
func (l *Listener) Accept() (net.Conn, error) {
	socket, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: socket, socket: socket, listener: l}
	if s, ok := socket.(syscall.Conn); ok {
		c.raw, _ = s.SyscallConn() // fails for no accepted connection
	}
	if l.config.TLS != nil {
		c.Conn = tls.Server(socket, l.config.TLS)
	}
	for accepted := time.Now(); ; {
		wait := l.makeRoom(c, accepted)
		if wait == 0 {
			return c, nil
		}
		select {
		case <-l.changed:
		case <-time.After(wait):
		}
	}
}

// makeRoom adds a connection, and evicts another one if necessary. If no connection may be
// evicted yet, it returns how long it takes until one may be.
func (l *Listener) makeRoom(c *conn, accepted time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	starved := now.Sub(accepted) >= minEvictAge
	if l.open >= l.config.Max && !l.closed {
		l.reportLimit("max_connections")
		victim, wait := l.evictionCandidate(now, accepted)
		if victim == nil {
			l.starved.Store(starved || l.starved.Load())
			return wait
		}
		if l.config.OnEvict != nil {
			l.config.OnEvict(evictable[victim.state])
		}
		victim.evicted = true
		victim.remove()
		_ = victim.socket.Close() // net/http gets the error and closes it again
	}
	l.starved.Store(starved)
	l.open++
	c.move(stateReading)
	return 0
}

// evictionCandidate returns the connection to evict, or how long it takes until there is
// one. While an incomplete request is younger than minEvictAge no idle connection is
// evicted, unless the new connection has waited for minEvictAge: clients could begin one
// request after the other. The lock must be held.
func (l *Listener) evictionCandidate(now, accepted time.Time) (victim *conn, wait time.Duration) {
	wait = minEvictAge
	for s := range evictable {
		c := l.conns[s].front
		if c == nil {
			continue
		}
		left := minEvictAge - now.Sub(c.since)
		if left <= 0 {
			return c, 0
		}
		wait = min(wait, left)
		if patience := minEvictAge - now.Sub(accepted); state(s) == stateReading && patience > 0 {
			return nil, min(wait, patience)
		}
	}
	return nil, wait
}

// Close implements [net.Listener]. A connection that waits in Accept is still accepted.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
	return l.Listener.Close()
}

// wake lets a waiting Accept try again.
func (l *Listener) wake() {
	select {
	case l.changed <- struct{}{}:
	default: // it will already
	}
}

// reportLimit calls OnLimit. The lock must be held.
func (l *Listener) reportLimit(limit string) {
	if l.config.OnLimit != nil {
		l.config.OnLimit(limit, l.admitted)
	}
}

// Connections returns the number of open connections and its limit.
func (l *Listener) Connections() (open, limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open, l.config.Max
}

func (l *Listener) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open == l.conns[stateIdle].len
}

// WaitIdle waits until all connections are idle, WebSockets included, or ctx ends.
func (l *Listener) WaitIdle(ctx context.Context) {
	for ctx.Err() == nil && !l.idle() {
		time.Sleep(5 * time.Millisecond)
	}
}

// CloseWebSockets closes the hijacked connections, and counts them and the requests in flight.
func (l *Listener) CloseWebSockets() (requests, webSockets int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	hijacked := &l.conns[stateHijacked]
	for c := hijacked.front; c != nil; c = c.next {
		_ = c.socket.Close() // the handler gets the error and closes it again
	}
	return l.open - l.conns[stateIdle].len - hijacked.len, hijacked.len
}

// ClosedBy returns why the listener closed a request's connection: eviction, shutdown, or empty.
func ClosedBy(ctx context.Context) string {
	c := fromContext(ctx)
	if c == nil {
		return ""
	}
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	switch {
	case c.evicted:
		return "eviction"
	case c.listener.cut:
		return "shutdown"
	}
	return ""
}
