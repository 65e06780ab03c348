package connlimit

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// state is what a connection does. In the first three it waits for its client. An idle
// connection is evicted last, because a request may be on its way.
type state int

const (
	stateReading  state = iota // a TLS handshake, a header or a body is incomplete
	stateWriting               // the client does not read the response
	stateIdle                  // between two requests
	stateHandling              // the request is complete, and the response is not
	stateHijacked              // another protocol
	states
)

// String returns the name of a state in which a connection may be evicted.
func (s state) String() string { return [...]string{"reading", "writing", "idle"}[s] }

// conn is a client connection that counts against the limit. It reads and writes HTTP,
// also where the socket carries TLS.
type conn struct {
	net.Conn
	socket   net.Conn
	listener *Listener

	idle    atomic.Bool          // the state is stateIdle; for Read, without the lock
	handled atomic.Bool          // a handler runs, or a refusal was counted
	begun   bool                 // a byte has arrived; only for Read
	header  headerLimiter        // for Read, and for setBody and ConnState while nothing is read
	opening string               // the protocol of the first bytes; see openingOf
	tls     *tls.ConnectionState // nil: plain HTTP, or the handshake is incomplete

	// Protected by the lock of the listener:
	element  *list.Element // in the list of its state; nil: it was evicted or closed
	state    state
	since    time.Time // the begin of the state
	admitted bool      // by Admit
	upload   bool      // admitted as an upload, and the body is incomplete
}

type contextKey struct{}

// ConnContext implements the hook of [http.Server] of this name.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if limited := unwrap(c); limited != nil {
		return context.WithValue(ctx, contextKey{}, limited)
	}
	return ctx
}

// fromContext returns the connection of a request, or nil if it is not limited.
func fromContext(ctx context.Context) *conn {
	c, _ := ctx.Value(contextKey{}).(*conn)
	return c
}

// unwrap returns the connection in a connection of net/http, or nil.
func unwrap(c net.Conn) *conn {
	if protected, ok := c.(*tls.Conn); ok {
		c = protected.NetConn()
	}
	limited, _ := c.(*conn)
	return limited
}

// ConnState implements the hook of [http.Server] of this name. For net/http a connection
// stays idle until the end of the next header, so conn finds out itself when one begins.
func ConnState(c net.Conn, s http.ConnState) {
	limited := unwrap(c)
	switch {
	case limited == nil:
	case s == http.StateIdle:
		limited.handled.Store(false)
		limited.header.body = 0
		limited.setState(stateIdle)
	case s == http.StateHijacked:
		limited.header.body, limited.header.hijacked = endless, true
		limited.setState(stateHijacked)
	}
}

// Starved reports whether the listener of a request is full of busy connections and a new
// one has waited for a second. Then responses should close their connections.
func Starved(ctx context.Context) bool {
	c := fromContext(ctx)
	return c != nil && c.listener.starved.Load()
}

// join adds the connection to the list of a state. The lock must be held.
func (c *conn) join(s state, now time.Time) {
	c.state, c.since = s, now
	c.element = c.listener.conns[s].PushBack(c)
	c.idle.Store(s == stateIdle)
}

// move moves the connection to another state. The lock must be held.
func (c *conn) move(s state) {
	if c.state == stateReading && c.listener.waiting {
		c.listener.wake() // an idle connection may be evicted now
	}
	c.listener.conns[c.state].Remove(c.element)
	c.join(s, time.Now())
}

// setState changes the state. It reports false if the connection was evicted: its request
// must not be handled, because there is no way to answer.
func (c *conn) setState(s state) bool {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.element == nil {
		return false
	}
	if s == stateHandling {
		c.endUpload()
	}
	// An admitted request is at the provider before its body is complete.
	if !c.admitted || s != stateReading {
		c.move(s)
	}
	return true
}

// startHandling notes that a handler runs. Body is the length of the request body,
// negative if it is unknown. It reports what setState reports.
func (c *conn) startHandling(body int64) bool {
	c.handled.Store(true)
	if body < 0 {
		body = endless // the response is the last on the connection
	}
	if body > 0 { // otherwise net/http may be reading already
		c.header.body = body
	}
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	switch {
	case c.element == nil:
		return false
	case body == 0:
		c.move(stateHandling)
	case c.state == stateIdle:
		c.move(stateReading)
	}
	return true
}

// startRequest notes the first byte of a further request and limits the time for the rest
// of its header: net/http waits for four bytes as long as for none. It holds the lock,
// because the handler of a pipelined request may set a deadline already.
func (c *conn) startRequest() {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.element != nil && c.state == stateIdle {
		c.move(stateReading)
		_ = c.SetReadDeadline(time.Now().Add(c.listener.config.HeaderTimeout))
	}
}

// swap moves the connection from one state to another, if it is in that one. An admitted
// connection is never evicted.
func (c *conn) swap(from, to state) {
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.element != nil && !c.admitted && c.state == from {
		c.move(to)
	}
}

// remove removes the connection from its listener. The lock must be held.
func (c *conn) remove() {
	if c.element != nil {
		c.listener.conns[c.state].Remove(c.element)
		c.element = nil
		c.release()
	}
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (n int, err error) {
	if err := c.handshake(); err != nil {
		return 0, err
	}
	if c.header.isBackgroundRead(p) {
		err = waitUntilClosed(c.socket)
	}
	if err == nil {
		n, err = c.header.read(c.Conn, p)
	}
	if n > 0 && !c.begun {
		c.begun, c.opening = true, openingOf(p[:n])
	}
	if n > 0 && c.idle.Load() {
		c.startRequest()
	}
	if err != nil {
		c.endReading()
	}
	return n, err
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	if !c.handled.Load() {
		c.reportRefusal(p)
	}
	c.swap(stateHandling, stateWriting)
	defer c.swap(stateWriting, stateHandling)
	return c.Conn.Write(p)
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	c.remove()
	c.listener.wake()
	return err
}

// CloseWrite lets net/http close a connection without losing a response that the client
// has not read yet.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
