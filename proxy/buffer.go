package proxy

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// bodyBudget is how many bytes request bodies at endpoints may hold in this process, beyond
// [smallBody] each. Without it, connections that send most of a large body and then stop
// could exhaust the memory.
const bodyBudget = 16 << 20

// bodies is the budget of all endpoints and configurations.
var bodies = newBudget(bodyBudget)

// budget is a number of bytes that exchanges share. It is safe for concurrent use.
type budget struct{ left atomic.Int64 }

func newBudget(n int64) *budget {
	b := new(budget)
	b.left.Store(n)
	return b
}

// share is the part of a budget that one exchange holds. It belongs to one goroutine.
type share struct {
	of   *budget
	held int64
}

// grow makes the share that of a buffer of n bytes. It returns false, and changes nothing,
// if the budget does not suffice. Up to [smallBody] it always does.
func (s *share) grow(n int) bool {
	more := max(0, int64(n)-smallBody) - s.held
	if more > 0 && s.of.left.Add(-more) < 0 {
		s.of.left.Add(more)
		return false
	}
	s.held += max(0, more)
	return true
}

// release returns the share to the budget.
func (s *share) release() {
	s.of.left.Add(s.held)
	s.held = 0
}

// readAll reads to the end, or to one byte beyond a bound. Length is the announced length;
// less than 1 means unknown. The buffer grows with what arrives, so that announcing a large
// body takes no memory. If grow returns false, the error is [errNoRoom]. Nil means no limit.
func readAll(r io.Reader, length int64, bound int, grow func(int) bool) ([]byte, error) {
	const first = 512
	limit := bound + 1
	if 0 < length && length <= int64(bound) {
		limit = int(length)
	}
	body := make([]byte, 0, min(first, limit))
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF), err == nil && len(body) == limit:
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			size := min(2*cap(body), limit)
			if grow != nil && !grow(size) {
				return body, errNoRoom
			}
			body = append(make([]byte, 0, size), body...)
		}
	}
}

// memoryBuffers are for responses that are in memory already, streamBuffers for others.
var memoryBuffers, streamBuffers = newBuffers(4 << 10), newBuffers(32 << 10)

// buffers implements [httputil.BufferPool]. It clears buffers, which may hold tokens.
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
