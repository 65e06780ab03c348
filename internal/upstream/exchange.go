package upstream

import (
	"context"
	"fmt"
	"io"
	"io/fs"
)

// exchange is a request under way, and the body of its reply. It belongs to one
// goroutine.
type exchange struct {
	*Transport
	connection *connection
	ctx        context.Context
	unwatch    func() bool // stops the watch over ctx; false: ctx ended
	content    io.Reader
	keep       bool  // the connection may serve another request afterwards
	ended      error // what further reads return; nil: it is under way
}

// Read implements [io.Reader] for the body. Io.EOF says that it is whole.
func (e *exchange) Read(p []byte) (int, error) {
	if e.ended != nil {
		return 0, e.ended
	}
	n, err := e.content.Read(p)
	switch {
	case err == io.EOF:
		e.end(e.keep, io.EOF)
	case err != nil:
		err = e.fail(err)
	}
	return n, err
}

// Close implements [io.Closer] for the body. A reply that was not read to its end
// takes the connection with it.
func (e *exchange) Close() error {
	e.end(false, fs.ErrClosed)
	return nil
}

// fail ends an exchange whose connection is of no use any more, and returns why:
// if the context ended, that is the cause of everything.
func (e *exchange) fail(err error) error {
	if cause := e.ctx.Err(); cause != nil {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	e.end(false, err)
	return err
}

// end gives the connection back, or drops it. The first end counts.
func (e *exchange) end(keep bool, with error) {
	if e.ended != nil {
		return
	}
	e.ended = with
	// An end of ctx has interrupted the connection, or will.
	if e.unwatch() && keep && e.connection.in.Buffered() == 0 {
		e.idle.put(e.connection, e.IdleConnections, e.IdleTime)
	} else {
		e.connection.drop()
	}
	<-e.slots
}
