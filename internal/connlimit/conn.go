package connlimit

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

type state int

const (
	stateReading  state = iota // a TLS handshake, a header or a body is incomplete
	stateWriting               // the client does not read the response
	stateIdle                  // between two requests
	stateHandling              // the request is complete, and the response is not
	stateHijacked              // another protocol
	states
)

// evictable are the names of the states in which a connection waits for its client, in the
// order of eviction. On an idle connection a request may be on its way.
var evictable = [...]string{"reading", "writing", "idle"}

// conn is a client connection that counts against the limit. It carries HTTP, also over TLS.
type conn struct {
	net.Conn
	socket   net.Conn
	raw      syscall.RawConn // of socket; nil: there is no file descriptor
	listener *Listener

	handled atomic.Bool          // a handler runs, or a refusal was reported
	begun   bool                 // a byte has arrived; only for Read
	header  headerLimiter        // for Read, and while nothing is read
	tls     *tls.ConnectionState // nil: plain HTTP, or the handshake is incomplete

	// Protected by the lock of the listener:
	state    state
	since    time.Time // the begin of the state
	listed   bool      // it is in the list of its state; false: it was evicted or closed
	admitted bool      // by Admit
	upload   bool      // admitted as an upload, and the body is incomplete
	evicted  bool

	previous, next *conn // in the list
}

type contextKey struct{}

// ConnContext implements the hook of [http.Server] of this name.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	limited := unwrap(c)
	if limited == nil {
		return ctx
	}
	limited.header.raw = limited != c // it reads the TLS of net/http
	return context.WithValue(ctx, contextKey{}, limited)
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
		limited.header.raw = true
		limited.setState(stateHijacked)
	}
}

// Starved reports whether the listener of a request is full of busy connections and a new
// one has waited for a second. Then responses should close their connections.
func Starved(ctx context.Context) bool {
	c := fromContext(ctx)
	return c != nil && c.listener.starved.Load()
}

// move moves the connection into the list of a state. The lock must be held.
func (c *conn) move(s state) {
	if c.listed {
		c.listener.conns[c.state].remove(c)
	}
	if c.state == stateReading {
		c.listener.wake() // an idle connection may be evicted now
	}
	c.state, c.since, c.listed = s, time.Now(), true
	c.listener.conns[s].pushBack(c)
}

// remove removes the connection from its listener. The lock must be held.
func (c *conn) remove() {
	if c.listed {
		c.listener.conns[c.state].remove(c)
		c.listed = false
		c.listener.open--
		c.release()
	}
}

// setState changes the state, or only one of the states in from. It reports false if the
// connection was evicted: its request must not be handled, because there is no way to
// answer. An admitted connection is not evicted, whatever it waits for.
func (c *conn) setState(to state, from ...state) bool {
	if c == nil {
		return true
	}
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	switch {
	case !c.listed:
		return false
	case len(from) > 0 && (c.admitted || !slices.Contains(from, c.state)):
		return true
	case to == stateHandling:
		c.endUpload()
	}
	c.move(to)
	return true
}

func (c *conn) Read(p []byte) (n int, err error) {
	if err := c.handshake(); err != nil {
		return 0, err
	}
	if c.header.isBackgroundRead(p) {
		err = waitUntilClosed(c.raw)
	}
	if err == nil {
		n, err = c.header.read(c.Conn, p)
	}
	if n > 0 && !c.begun {
		c.begun = true
		c.checkOpening(p[:n])
	}
	if n > 0 {
		c.setState(stateReading, stateIdle)
	}
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	if !c.handled.Load() && len(p) >= len("HTTP/1.1 400") {
		c.refuse(reasonByStatus[string(p[9:12])], nil)
	}
	c.setState(stateWriting, stateHandling)
	defer c.setState(stateHandling, stateWriting)
	return c.Conn.Write(p)
}

func (c *conn) Close() error {
	err := c.Conn.Close()
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	c.remove()
	c.listener.wake()
	return err
}

// CloseWrite lets net/http close a connection and not lose a response that is still unread.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// connList is a list of connections. Unlike container/list it allocates nothing when a
// connection moves, which happens several times for each request.
type connList struct {
	front, back *conn
	len         int
}

// pushBack adds a connection that is in no list.
func (l *connList) pushBack(c *conn) {
	c.previous, c.next = l.back, nil
	if l.back == nil {
		l.front = c
	} else {
		l.back.next = c
	}
	l.back, l.len = c, l.len+1
}

// remove removes a connection of this list.
func (l *connList) remove(c *conn) {
	if c.previous == nil {
		l.front = c.next
	} else {
		c.previous.next = c.next
	}
	if c.next == nil {
		l.back = c.previous
	} else {
		c.next.previous = c.previous
	}
	l.len--
}
