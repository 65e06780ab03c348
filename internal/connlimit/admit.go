package connlimit

import (
	"context"
	"net/http"
)

// admitLimits returns how many of n connections requests without a time limit may hold:
// streams a share that leaves a quarter of the connections to others, and all together
// half of that quarter more, so that streams do not keep out login pages.
func admitLimits(n int) (streams, all int) {
	reserve := (n-1)/4 + 1
	return max(1, n-reserve), max(1, n-(reserve+1)/2)
}

// uploadLimit returns how many of n connections may be uploads. Each holds a connection
// to the provider, and sending slowly costs a client next to nothing.
func uploadLimit(n int) int { return max(1, n/4) }

// Admit reports whether a request may take as long as it likes, as a stream or not. It may
// be called again to turn an admitted request into a stream. The connection of an admitted
// request is not evicted; until the body is complete it may count as an upload too. Admit
// panics with [http.ErrAbortHandler] if the connection was evicted already.
func Admit(ctx context.Context, stream, upload bool) bool {
	c := fromContext(ctx)
	return c == nil || c.admit(stream, upload)
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

func (c *conn) admit(stream, upload bool) bool {
	l := c.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.element == nil {
		panic(http.ErrAbortHandler) // there is no way to answer
	}
	streams, limit := admitLimits(l.config.Max)
	if stream {
		limit = streams
	}
	admitted := l.admitted
	if !c.admitted {
		admitted++
	}
	switch {
	case admitted > limit:
		l.reportLimit("streams")
		return false
	case upload && l.uploads >= uploadLimit(l.config.Max):
		l.reportLimit("uploads")
		return false
	case upload:
		c.upload = true
		l.uploads++
	}
	if !c.admitted {
		c.admitted = true
		l.admitted++
		c.move(stateHandling)
	}
	return true
}

// release gives back what admit took. The lock must be held.
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
