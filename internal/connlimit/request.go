package connlimit

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// TrackBody returns a copy of a request of net/http with ctx, whose connection counts as
// reading until the body is complete. It panics with [http.ErrAbortHandler] if the
// connection was evicted. It drops the trailer fields: nothing reads them, and net/http
// would keep thousands of them until the response has ended.
func TrackBody(ctx context.Context, own *http.Request) *http.Request {
	own.Trailer = nil
	c, r := fromContext(ctx), own.WithContext(ctx) // net/http looks at the body of its own request
	if c != nil {
		c.handled.Store(true)
		if c.tls != nil {
			r.TLS = c.tls // net/http sets it for a [tls.Conn] only
		}
	}
	if own.ContentLength == 0 { // net/http may be reading already
		if !c.setState(stateHandling) {
			panic(http.ErrAbortHandler)
		}
		return r
	}
	if c != nil {
		c.header.body = own.ContentLength
	}
	r.Body = &trackedBody{ReadCloser: own.Body, own: own, conn: c}
	return r
}

// trackedBody is a body that reports its end. Its reader and its closer may be two goroutines.
//
// Its first error is the result of every later read: net/http closes the body when the
// response begins, and then returns another error than [io.EOF] at the end of the body. An
// HTTP transport that reads it once more would close the connection to the server.
type trackedBody struct {
	io.ReadCloser
	own  *http.Request // net/http writes the trailer into it
	conn *conn
	err  error

	mu sync.Mutex // for own.Trailer
}

func (b *trackedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.dropTrailer()
		if !b.conn.setState(stateHandling) {
			err = net.ErrClosed
		}
	}
	b.err = err
	return n, err
}

// Close reads the rest of a small body and its trailer.
func (b *trackedBody) Close() error {
	defer b.dropTrailer()
	return b.ReadCloser.Close()
}

func (b *trackedBody) dropTrailer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own.Trailer = nil
}

// Admit reports whether a request may take as long as it likes, as a stream or not. It may
// be called again to turn an admitted request into a stream. The connection of an admitted
// request is not evicted; until the body is complete it may count as an upload too. Admit
// panics with [http.ErrAbortHandler] if the connection was evicted already.
//
// Streams may hold three quarters of the connections, and all admitted requests seven
// eighths, so that streams do not keep out login pages. Uploads may hold a quarter: each
// holds a connection to the provider, and sending slowly costs a client next to nothing.
func Admit(ctx context.Context, stream, upload bool) bool {
	c := fromContext(ctx)
	if c == nil {
		return true
	}
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.listed {
		panic(http.ErrAbortHandler) // there is no way to answer
	}
	limit := l.config.Max * 7 / 8
	if stream {
		limit = l.config.Max * 3 / 4
	}
	others := l.admitted
	if c.admitted {
		others--
	}
	switch {
	case others >= max(1, limit):
		l.reportLimit("streams")
		return false
	case upload && l.uploads >= max(1, l.config.Max/4):
		l.reportLimit("uploads")
		return false
	case upload:
		c.upload = true
		l.uploads++
	}
	c.admitted, l.admitted = true, others+1
	c.move(stateHandling)
	return true
}

// Release ends what [Admit] began. A hijacked connection stays admitted until it is closed.
func Release(ctx context.Context) {
	c := fromContext(ctx)
	if c == nil {
		return
	}
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.state != stateHijacked {
		c.release()
	}
}

// release undoes Admit. The lock must be held.
func (c *conn) release() {
	c.endUpload()
	if c.admitted {
		c.admitted = false
		c.listener.admitted--
	}
}

// endUpload notes that the body is complete or no longer read. The lock must be held.
func (c *conn) endUpload() {
	if c.upload {
		c.upload = false
		c.listener.uploads--
	}
}
