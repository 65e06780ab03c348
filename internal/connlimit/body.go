package connlimit

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// progressBytes is more than any form. A body that has brought as much counts as young
// again.
const progressBytes = 64 << 10

// TrackBody returns a copy of a request of net/http with ctx, whose connection counts as
// reading until the body is complete. It panics with [http.ErrAbortHandler] if the
// connection was evicted.
//
// The trailer fields of the request are dropped. Nothing reads them, and net/http would
// keep thousands of them until the response has ended.
func TrackBody(ctx context.Context, own *http.Request) *http.Request {
	c := fromContext(ctx)
	if c != nil && !c.startHandling(own.ContentLength) {
		panic(http.ErrAbortHandler)
	}
	own.Trailer = nil
	r := own.WithContext(ctx) // net/http looks at the body of its own request
	if c != nil && c.tls != nil {
		r.TLS = c.tls // net/http sets it for a [tls.Conn] only
	}
	if own.ContentLength != 0 {
		r.Body = &trackedBody{ReadCloser: own.Body, own: own, conn: c}
	}
	return r
}

// trackedBody is a request body that reports its progress. One goroutine reads it, and
// another one may close it.
//
// Its first error is the result of every later read. An HTTP transport reads a body once
// more after its end. If the response has begun by then, net/http has closed the body and
// would return another error than [io.EOF], so that the transport closes the connection
// to the server and the rest of the response is lost.
type trackedBody struct {
	io.ReadCloser
	own  *http.Request // net/http writes the trailer into it
	conn *conn         // nil: the connection is not limited
	read int           // bytes since the last progress
	err  error

	mu sync.Mutex // for own.Trailer
}

// Read implements [io.Reader].
func (b *trackedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p)
	b.read += n
	open := true
	switch {
	case errors.Is(err, io.EOF):
		b.dropTrailer()
		open = b.conn == nil || b.conn.setState(stateHandling)
	case b.read >= progressBytes:
		b.read = 0
		open = b.conn == nil || b.conn.setState(stateReading)
	}
	if !open {
		err = net.ErrClosed
	}
	b.err = err
	return n, err
}

// Close implements [io.Closer]. It reads the rest of a small body and its trailer.
func (b *trackedBody) Close() error {
	defer b.dropTrailer()
	return b.ReadCloser.Close()
}

func (b *trackedBody) dropTrailer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.own.Trailer = nil
}
