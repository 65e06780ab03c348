// Package upstream submits a request to one server at most once, and takes
// from it only a reply that is framed beyond doubt.
//
// An authorization code is spent by the first request that carries it (RFC 6749
// section 4.1.2), and some servers revoke what a code brought when it comes
// again. [http.Transport] sends some requests a second time when a connection
// fails; this package writes each request in one call and never again, whatever
// becomes of it. RFC 9110 section 9.2.2 forbids a proxy more than that.
//
// It speaks HTTP/1.1 only, follows nothing, decompresses nothing, and obeys no
// variable of the environment. The goroutine that submits a request reads the
// reply.
package upstream

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"time"
)

var (
	// ErrBusy says that as many requests as may be are under way. Nothing was
	// sent.
	ErrBusy = errors.New("as many requests as may be are under way")
	// ErrUnreachable says that there was no connection to be had, and nothing was
	// sent. The cause is in the chain of the error, except where connecting failed
	// so often that it is not tried at all.
	ErrUnreachable = errors.New("the server cannot be reached")
)

// Config describes the way to a server.
type Config struct {
	// Server is the origin: scheme http or https, host and port.
	Server *url.URL
	// Socket is the path of a Unix socket at which the server is. Empty means that
	// Server names the address.
	Socket string
	// TLS is the configuration towards an https server. Nil means the system's
	// trust.
	TLS *tls.Config
	// Connections bounds the requests under way. Zero means 512.
	Connections int
	// IdleConnections bounds the connections that are kept for the next request.
	// Zero means as many as Connections.
	IdleConnections int
	// IdleTime is how long one of them is kept. It should be below what the
	// server keeps, so that a connection is seldom found closed. Zero means 30
	// seconds.
	IdleTime time.Duration
	// ConnectTime bounds connecting, and the TLS handshake after it. Zero means 2
	// seconds.
	ConnectTime time.Duration
	// LargestHeader bounds the header of a reply, in bytes. Zero means 32 KiB.
	LargestHeader int
}

// Transport submits requests to a server. It is safe for concurrent use.
type Transport struct {
	Config
	slots   chan struct{} // one for each request under way
	idle    idle
	breaker breaker
}

// New returns a transport that has no connections yet.
func New(c Config) *Transport {
	if c.Connections == 0 {
		c.Connections = 512
	}
	if c.IdleConnections == 0 {
		c.IdleConnections = c.Connections
	}
	if c.IdleTime == 0 {
		c.IdleTime = 30 * time.Second
	}
	if c.ConnectTime == 0 {
		c.ConnectTime = 2 * time.Second
	}
	if c.LargestHeader == 0 {
		c.LargestHeader = 32 << 10
	}
	return &Transport{Config: c, slots: make(chan struct{}, c.Connections)}
}

// RoundTrip implements [http.RoundTripper]. The request's body is read whole
// before anything is sent; its URL gives path and query, its Host the name that
// the server is asked under. The error of a context that ended is in the chain of
// the error. Any error but [ErrBusy] and [ErrUnreachable] leaves open what the
// server made of the request. The reply has no trailer.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	message, err := encode(r)
	if err != nil {
		return nil, err
	}
	defer forget(message)
	select {
	case t.slots <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	c, err := t.reach(r.Context())
	if err != nil {
		<-t.slots
		return nil, err
	}
	return t.exchange(c, message, r)
}

// reach returns a connection, unless the breaker refuses the request.
func (t *Transport) reach(ctx context.Context) (*connection, error) {
	ok, trial := t.breaker.admits()
	if !ok {
		return nil, ErrUnreachable
	}
	find := t.connection
	if trial {
		find = t.connect
	}
	c, err := find(ctx)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		t.breaker.count(err)
		return nil, err
	}
	if trial {
		t.breaker.connected()
	}
	t.breaker.count(nil)
	return c, nil
}

// exchange writes a message and reads the head of the reply. The body that it
// returns gives the connection back.
func (t *Transport) exchange(c *connection, message *bytes.Buffer, r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	e := &exchange{Transport: t, connection: c, ctx: ctx, unwatch: context.AfterFunc(ctx, c.interrupt)}
	defer func() {
		if e.content == nil {
			e.end(false, fs.ErrClosed) // a panic too gives its place back
		}
	}()
	// A server that refuses early may have closed its side for writing, and its
	// reply may have come all the same.
	_, writeErr := c.Write(message.Bytes())
	resp, err := c.readReply(r, t.LargestHeader)
	if err != nil {
		if writeErr != nil {
			err = writeErr
		}
		return nil, e.fail(err)
	}
	e.keep = writeErr == nil && !resp.Close
	e.content, resp.Body = resp.Body, e
	if resp.ContentLength == 0 {
		e.end(e.keep, io.EOF)
	}
	return resp, nil
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() { t.idle.closeAll() }
