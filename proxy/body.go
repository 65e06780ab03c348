package proxy

import (
	"bytes"
	"io"
	"sync"
)

// readAll reads to the end, or to one octet beyond a bound. Length is how many
// octets are announced; less than 0 means that nobody said.
func readAll(r io.Reader, length int64, bound int) ([]byte, error) {
	// Whoever announces much and sends nothing must not take memory by that.
	const most = 4 << 10
	var b bytes.Buffer
	b.Grow(int(max(0, min(length, most))) + bytes.MinRead)
	_, err := b.ReadFrom(io.LimitReader(r, int64(bound)+1))
	return b.Bytes(), err
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
