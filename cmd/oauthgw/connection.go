package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// awaited is what a connection waits for. The first three are for its client to do.
// An idle connection leaves for another only when no other may have to, because a
// request may be on its way to it.
type awaited int

const (
	theRest awaited = iota // of a request: what TLS needs, the header, the body
	taking                 // of a response, which the client does not read
	another                // request: the connection is idle
	nothing                // the request is whole, and the answer is ours to give
	given                  // away: it speaks another protocol
	kinds
)

// String returns its name in metrics, which know those that may have to leave.
func (a awaited) String() string { return [...]string{"reading", "writing", "idle"}[a] }

// grace is for how long a client may keep a connection waiting without losing it to
// a newcomer. Honest ones send a request in one go.
const grace = time.Second

// queue holds the connections that wait for the same, the longest first.
type queue struct {
	first, last *connection
	length      int
}

func (q *queue) join(c *connection, a awaited, now time.Time) {
	c.awaits, c.since, c.before, c.behind = a, now, q.last, nil
	if q.last == nil {
		q.first = c
	} else {
		q.last.behind = c
	}
	q.last = c
	q.length++
}

func (q *queue) leave(c *connection) {
	if c.before == nil {
		q.first = c.behind
	} else {
		c.before.behind = c.behind
	}
	if c.behind == nil {
		q.last = c.before
	} else {
		c.behind.before = c.before
	}
	c.before, c.behind = nil, nil
	q.length--
}

// connection is a client connection that counts against the limit. What it reads and
// writes is HTTP, also where the socket carries TLS.
type connection struct {
	net.Conn
	socket net.Conn
	of     *bounded

	idle    atomic.Bool          // awaits is another; read without the lock
	handled atomic.Bool          // a handler answers the request, or a refusal has been counted
	begun   bool                 // a first byte has arrived; only for Read
	arrival arrival              // also for [connection.handle] and [note], while nothing is read
	opening string               // the protocol that the first bytes begin; see [openingOf]
	state   *tls.ConnectionState // nil: plain HTTP, or a handshake that is not complete

	// Under the lock of what it is of:
	left           bool // its place is another's
	passthrough    bool // it holds a place of admission.go
	upload         bool // the same, and its body is not whole
	awaits         awaited
	since          time.Time
	before, behind *connection // in its queue
}

// boundedBy returns the connection under a connection of net/http's, or nil.
func boundedBy(c net.Conn) *connection {
	if protected, ok := c.(*tls.Conn); ok {
		c = protected.NetConn()
	}
	bounded, _ := c.(*connection)
	return bounded
}

// await notes what the connection waits for from now on. It reports whether the
// connection still has its place: what arrives on one that has not must not be acted
// upon, because nobody could be answered.
func (c *connection) await(a awaited) bool {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.left {
		return false
	}
	if a == nothing {
		c.endUpload()
	}
	// A request that passes through is at the provider before its body has arrived.
	if !c.passthrough || a != theRest {
		c.move(a)
	}
	return true
}

// move puts the connection into another queue. The lock must be held.
func (c *connection) move(a awaited) {
	if c.awaits == theRest && c.of.newcomer {
		c.of.tell() // an idle connection may have to leave now
	}
	c.of.waiting[c.awaits].leave(c)
	c.of.waiting[a].join(c, a, time.Now())
	c.idle.Store(a == another)
}

// handle notes that a handler answers a request from now on. Body is the length of the
// body that still has to arrive, negative if it is not known. It reports what await does.
func (c *connection) handle(body int64) bool {
	c.handled.Store(true)
	if body < 0 {
		body = endless // the response is the last on the connection
	}
	if body > 0 { // otherwise net/http may be reading already
		c.arrival.body = body
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	switch {
	case c.left:
	case body == 0:
		c.move(nothing)
	case c.awaits == another:
		c.move(theRest)
	}
	return !c.left
}

// begin notes that the first byte of another request has arrived, and limits the time
// for the rest of its header: net/http waits for four bytes as long as for none. Under
// the lock, because a handler that already answers a pipelined request sets its own
// deadline.
func (c *connection) begin() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if !c.left && c.awaits == another {
		c.move(theRest)
		_ = c.SetReadDeadline(time.Now().Add(headerTime))
	}
}

// leave gives the place away. The lock must be held.
func (c *connection) leave() {
	if c.left {
		return
	}
	c.left = true
	c.of.waiting[c.awaits].leave(c)
	c.of.open--
	c.yield()
}

// note is told of each change of a connection by net/http, for which one on which
// another request arrives is idle until the end of its header.
func note(changed net.Conn, state http.ConnState) {
	if state != http.StateIdle && state != http.StateHijacked {
		return
	}
	c := boundedBy(changed)
	switch {
	case c == nil:
	case state == http.StateIdle:
		c.handled.Store(false)
		c.arrival.body = 0
		c.await(another)
	default:
		c.arrival.body, c.arrival.other = endless, true
		c.await(given)
	}
}

// Read implements [net.Conn].
func (c *connection) Read(p []byte) (n int, err error) {
	if err := c.handshake(); err != nil {
		return 0, err
	}
	if c.arrival.watches(p) {
		err = waitUntilGone(c.socket)
	}
	if err == nil {
		n, err = c.arrival.read(c.Conn, p)
	}
	if n > 0 {
		c.noteOpening(p[:n])
	}
	if n > 0 && c.idle.Load() {
		c.begin()
	}
	if err != nil {
		c.noteEnd()
	}
	return n, err
}

// Write implements [net.Conn].
func (c *connection) Write(p []byte) (int, error) {
	if !c.handled.Load() {
		c.noteRefusal(p)
	}
	c.turn(nothing, taking)
	defer c.turn(taking, nothing)
	return c.Conn.Write(p)
}

// turn moves the connection from one queue to another if it is in that. One that
// holds a place of admission.go is never evicted.
func (c *connection) turn(from, to awaited) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if !c.left && !c.passthrough && c.awaits == from {
		c.move(to)
	}
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	err := c.Conn.Close()
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.leave()
	c.of.tell()
	return err
}

// CloseWrite lets net/http end a connection without losing an answer that the
// client has not read yet.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
