package main

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// atMost lets a listener have n connections open. Whoever comes when there are as
// many takes the place of the one that its client has kept waiting longest; the
// name of what it waited for is told to evicted. As long as nobody has to leave, the
// newcomer waits, and those behind it in the system's queue, where they cost nothing.
func atMost(n int, l net.Listener, evicted func(awaited string)) *bounded {
	return &bounded{Listener: l, evicted: evicted, most: n, changed: make(chan struct{}, 1)}
}

type bounded struct {
	net.Listener
	tls     *tls.Config // nil: clients speak plain HTTP
	evicted func(awaited string)
	full    func(limit string, passthrough int)             // nil: no one is informed
	refused func(reason string, client net.Addr, err error) // the same, of what net/http refuses
	changed chan struct{}                                   // something made room
	most    int
	starved atomic.Bool // a newcomer has waited for the grace; see [lastWhile]

	mu          sync.Mutex
	ended       bool
	open        int
	newcomer    bool         // one waits for a place
	passthrough int          // open connections that hold a place of admission.go
	uploads     int          // those of them whose body is not whole
	waiting     [kinds]queue // each open connection is in one of them
}

// Accept implements [net.Listener].
func (b *bounded) Accept() (net.Conn, error) {
	plain, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: plain, socket: plain, of: b}
	if b.tls != nil {
		c.Conn = tls.Server(plain, b.tls)
	}
	came := time.Now()
	wait, ok := b.take(c, came)
	if ok {
		b.starved.Store(false)
	}
	for !ok {
		select {
		case <-b.changed:
		case <-time.After(wait):
		}
		wait, ok = b.take(c, came)
	}
	return c, nil
}

// take gives a connection a place, that of another if it has to be. Not ok means
// that none has to leave yet; wait is when the next may have to. Came is when the
// connection began to wait.
func (b *bounded) take(c *connection, came time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.newcomer = false
	if b.open >= b.most && !b.ended {
		b.report("max_connections")
		longest, wait := b.longest(now, came)
		if longest == nil {
			b.newcomer = true
			if now.Sub(came) >= grace {
				b.starved.Store(true)
			}
			return wait, false
		}
		b.evicted(longest.awaits.String())
		longest.leave()
		_ = longest.socket.Close() // its reader gets the error, and closes it again
	}
	b.open++
	b.waiting[theRest].join(c, theRest, now)
	return 0, true
}

// longest returns who has kept us waiting longest and has to leave, or how long it
// takes until one has to. While a request that is not whole is younger than the grace,
// no idle connection has to leave. The newcomer waits no longer than the grace for
// that, because clients could begin one request after the other. The lock must be held.
func (b *bounded) longest(now, came time.Time) (c *connection, wait time.Duration) {
	wait = grace
	for kind := range nothing {
		c := b.waiting[kind].first
		if c == nil {
			continue
		}
		left := grace - now.Sub(c.since)
		if left <= 0 {
			return c, 0
		}
		wait = min(wait, left)
		if patience := grace - now.Sub(came); kind == theRest && patience > 0 {
			return nil, min(wait, patience)
		}
	}
	return nil, wait
}

// Close implements [net.Listener]. Whoever was taken from the queue and waits stays.
func (b *bounded) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	b.tell()
	return b.Listener.Close()
}

// tell lets whoever waits look again.
func (b *bounded) tell() {
	select {
	case b.changed <- struct{}{}:
	default: // it will already
	}
}

// report informs full that a limit is reached. The lock must be held.
func (b *bounded) report(limit string) {
	if b.full != nil {
		b.full(limit, b.passthrough)
	}
}

// connections returns how many connections are open, and how many may be.
func (b *bounded) connections() (open, most int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.most
}

// quiet reports whether no client waits for an answer, has yet to ask, or uses a
// WebSocket: all connections are idle.
func (b *bounded) quiet() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open == b.waiting[another].length
}

// cut closes the WebSockets, and returns how many requests and WebSockets were under
// way.
func (b *bounded) cut() (requests, webSockets int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := b.waiting[given].first; c != nil; c = c.behind {
		_ = c.socket.Close() // the handler reads the end, and closes it again
	}
	webSockets = b.waiting[given].length
	return b.open - b.waiting[another].length - webSockets, webSockets
}

// settle waits until it is quiet, or ctx ends.
func (b *bounded) settle(ctx context.Context) {
	for ctx.Err() == nil && !b.quiet() {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}
