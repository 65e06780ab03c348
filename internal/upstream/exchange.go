package upstream

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
)

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
	e := &exchange{Transport: t, conn: c, ctx: r.Context(), unwatch: context.AfterFunc(r.Context(), c.abortIO)}
	defer func() {
		if resp == nil { // also after a panic
			e.end(false, fs.ErrClosed)
		}
	}()
	// A server that rejects a request early may stop reading and still respond.
	_, writeErr := c.Write(message)
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
	if cause := e.ctx.Err(); cause != nil {
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
