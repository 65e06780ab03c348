package proxy

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// bodyBudget is how many bytes the bodies of requests at fronted endpoints may hold in this
// process, beyond [smallBody] each. Without it connections that each send most of a large
// body and stop would take more memory than there is.
const bodyBudget = 16 << 20

// bodies is what is left of the budget. It is one for all endpoints and configurations.
var bodies = newBudget(bodyBudget)

// budget is a number of bytes that exchanges share. It is safe for concurrent use.
type budget struct{ left atomic.Int64 }

func newBudget(n int64) *budget {
	b := new(budget)
	b.left.Store(n)
	return b
}

// share is what one exchange holds of a budget. It belongs to one goroutine.
type share struct {
	of   *budget
	held int64
}

// hold makes the share that of a buffer of n bytes. It reports false, and changes nothing,
// if the budget does not suffice. Up to [smallBody] it always does.
func (s *share) hold(n int) bool {
	more := max(0, int64(n)-smallBody) - s.held
	if more > 0 && s.of.left.Add(-more) < 0 {
		s.of.left.Add(more)
		return false
	}
	s.held += max(0, more)
	return true
}

// release gives the share back.
func (s *share) release() {
	s.of.left.Add(s.held)
	s.held = 0
}

// readAll reads to the end, or to one byte beyond a bound. Length is the announced length;
// less than 1 means that it is not known. The buffer grows with what arrives, because a
// client that announces much and sends nothing must not take memory by that. Grow reports
// whether it may have so many bytes, or the error is [errNoRoom]. Nil means that it may.
func readAll(r io.Reader, length int64, bound int, grow func(int) bool) ([]byte, error) {
	const first = 512
	most := bound + 1
	if 0 < length && length <= int64(bound) {
		most = int(length)
	}
	body := make([]byte, 0, min(first, most))
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF), err == nil && len(body) == most:
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			size := min(2*cap(body), most)
			if grow != nil && !grow(size) {
				return body, errNoRoom
			}
			body = append(make([]byte, 0, size), body...)
		}
	}
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
