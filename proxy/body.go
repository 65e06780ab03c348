package proxy

import (
	"io"
	"sync"
)

// readAll reads to the end, or to one octet beyond a bound. Length is how many
// octets are announced; less than 1 means that nobody said.
func readAll(r io.Reader, length int64, bound int) ([]byte, error) {
	// Whoever announces more and sends nothing must not take memory by that.
	const believed = 4 << 10
	if 0 < length && length <= min(believed, int64(bound)) {
		body := make([]byte, length)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	return io.ReadAll(io.LimitReader(r, int64(bound)+1))
}

// replyBuffers are for replies that are in memory already, streamBuffers for those
// that pass.
var replyBuffers, streamBuffers = newBuffers(4 << 10), newBuffers(32 << 10)

// buffers are what replies are copied through. They implement
// [httputil.BufferPool], and forget what was in them, which may be tokens.
type buffers struct{ pool sync.Pool }

func newBuffers(size int) *buffers {
	return &buffers{sync.Pool{New: func() any { b := make([]byte, size); return &b }}}
}

// Get implements [httputil.BufferPool].
func (b *buffers) Get() []byte { return *b.pool.Get().(*[]byte) }

// Put implements [httputil.BufferPool].
func (b *buffers) Put(buffer []byte) {
	clear(buffer)
	b.pool.Put(&buffer)
}
