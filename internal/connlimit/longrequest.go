package connlimit

import (
	"context"
	"net/http"
)

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
