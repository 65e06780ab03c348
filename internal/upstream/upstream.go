// Package upstream is an HTTP/1.1 client of one server that sends each request at most
// once and accepts only responses with unambiguous framing.
//
// Unlike [http.Transport] it bounds the requests in flight, and it refuses responses that two
// recipients could read differently, such as one with Transfer-Encoding and Content-Length
// (RFC 9112 section 6.3): a client could receive another client's tokens.
//
// It uses no proxy environment variables, follows no redirects and decompresses nothing.
package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

const (
	maxInFlight            = 512
	idleTimeout            = 30 * time.Second // shorter than most servers', which then seldom close a connection first
	dialTimeout            = 2 * time.Second  // of connecting; twice that with the TLS handshake
	maxResponseHeaderBytes = 32 << 10         // including interim responses
)

var (
	// ErrBusy means that too many requests are in flight. Nothing was sent.
	ErrBusy = errors.New("too many requests in flight")
	// ErrUnreachable means that there is no connection to the server. Nothing was sent.
	ErrUnreachable = errors.New("server unreachable")
)

// Config configures a [Transport].
type Config struct {
	Server *url.URL    // its origin, http or https
	Socket string      // path of its Unix socket; empty: Server has the address
	TLS    *tls.Config // for https; nil: the system's CAs
	// MaxConnectionAge is the age at which a connection gets no further request. A new one may
	// lead to another address of the server. Zero means no limit.
	MaxConnectionAge time.Duration
	// Timeout limits an exchange, from the call of RoundTrip to the last byte of the response.
	// Then the error wraps [os.ErrDeadlineExceeded], or [ErrUnreachable] if there is no
	// connection yet. Zero means no limit.
	Timeout time.Duration
}

// Transport sends requests to one server. It is safe for concurrent use.
type Transport struct {
	network, address string
	dial             func(ctx context.Context, network, address string) (net.Conn, error)
	maxAge           time.Duration // of a connection; zero: no limit
	timeout          time.Duration // of an exchange; zero: no limit
	inFlight         chan struct{} // has a value for each request in flight
	pool             pool
}

// New returns a transport without connections.
func New(c Config) *Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	t := &Transport{network: "tcp", address: c.Server.Host, dial: dialer.DialContext,
		maxAge: c.MaxConnectionAge, timeout: c.Timeout, inFlight: make(chan struct{}, maxInFlight), pool: pool{timeout: idleTimeout}}
	if c.Server.Port() == "" {
		t.address = net.JoinHostPort(c.Server.Hostname(), map[string]string{"http": "80", "https": "443"}[c.Server.Scheme])
	}
	if c.Socket != "" {
		t.network, t.address = "unix", c.Socket
	}
	if c.Server.Scheme == "https" {
		config := cmp.Or(c.TLS.Clone(), &tls.Config{MinVersion: tls.VersionTLS12})
		config.ServerName = cmp.Or(config.ServerName, c.Server.Hostname())
		config.NextProtos = []string{"http/1.1"}
		dialer.Timeout *= 2
		t.dial = (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext
	}
	return t
}

// RoundTrip implements [http.RoundTripper]. It reads the request's body completely before
// it sends anything. If the context ended, the error wraps the context's. After any error
// but [ErrBusy] and [ErrUnreachable] the server may have processed the request.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var deadline time.Time
	if t.timeout > 0 {
		deadline = time.Now().Add(t.timeout)
	}
	message, err := encode(r)
	if err != nil {
		return nil, err
	}
	defer clear(message) // if it is not sent
	select {
	case t.inFlight <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	c, err := t.getConn(r.Context(), deadline)
	if err != nil {
		<-t.inFlight
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return t.exchange(c, message, r)
}

// CloseIdleConnections closes the idle connections.
func (t *Transport) CloseIdleConnections() {
	for c := t.pool.get(); c != nil; c = t.pool.get() {
		c.close()
	}
}

// exchange is a request in flight, and the body of its response. One goroutine uses it.
type exchange struct {
	*Transport
	conn    *conn
	ctx     context.Context
	unwatch func() bool // stops abortIO at the end of ctx; false: ctx has ended
	body    io.Reader
	reuse   bool  // the connection can be reused after the body
	err     error // what further reads return; nil: the exchange has not ended
}

// exchange sends a request and reads the header of the response.
func (t *Transport) exchange(c *conn, message []byte, r *http.Request) (resp *http.Response, err error) {
	e := &exchange{Transport: t, conn: c, ctx: r.Context(), unwatch: context.AfterFunc(r.Context(), c.abort)}
	defer func() {
		if resp == nil { // also after a panic
			e.end(false, fs.ErrClosed)
		}
	}()
	// A server that rejects a request early may stop reading and still respond.
	_, writeErr := c.Write(message)
	clear(message)
	resp, err = c.readResponse(r)
	if err != nil {
		return nil, e.wrap(err)
	}
	e.reuse = writeErr == nil && !resp.Close
	e.body, resp.Body = resp.Body, e
	if resp.ContentLength == 0 {
		e.end(e.reuse, io.EOF)
	}
	return resp, nil
}

func (e *exchange) Read(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.body.Read(p)
	switch {
	case err == io.EOF:
		e.end(e.reuse, io.EOF)
	case err != nil:
		err = e.wrap(err)
		e.end(false, err)
	}
	return n, err
}

// Close closes the connection unless the body was read completely.
func (e *exchange) Close() error {
	e.end(false, fs.ErrClosed)
	return nil
}

func (e *exchange) wrap(err error) error {
	cause := e.ctx.Err()
	if cause == nil && e.conn.timedOut {
		cause = os.ErrDeadlineExceeded
	}
	if cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// end returns the connection to the pool or closes it. Only the first call has an effect.
func (e *exchange) end(reuse bool, err error) {
	if e.err != nil {
		return
	}
	e.err = err
	// If ctx has ended, abortIO has run or will.
	if e.unwatch() && reuse && e.conn.reader.Buffered() == 0 {
		e.pool.put(e.conn)
	} else {
		e.conn.close()
	}
	<-e.inFlight
}
