package proxy

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

const (
	// smallBody is the size, in bytes, up to which a body counts against no budget and is
	// read before the provider is called. A form or a JSON-RPC message fits.
	smallBody = 4 << 10
	// bodyBudget is how many bytes request bodies at endpoints may hold in this process, beyond
	// smallBody each: clients that stop inside a large body must not exhaust the memory.
	bodyBudget = 16 << 20
)

var bodiesHeld atomic.Int64 // how much of bodyBudget is taken

// share is the part of bodyBudget that one exchange holds. It belongs to one goroutine.
type share int64

// grow makes the share that of a buffer of n bytes. It returns false, and changes nothing,
// if the budget does not suffice. Up to smallBody it always does.
func (s *share) grow(n int) bool {
	more := int64(n) - smallBody - int64(*s)
	if more <= 0 {
		return true
	}
	if bodiesHeld.Add(more) > bodyBudget {
		bodiesHeld.Add(-more)
		return false
	}
	*s += share(more)
	return true
}

func (s *share) release() {
	bodiesHeld.Add(-int64(*s))
	*s = 0
}

// firstRoom is the size of a buffer, in bytes, when nothing has arrived. A usual form fits.
const firstRoom = 1 << 10

// roomFor returns how much room a body of a length, or of an unknown one, gets at first.
func roomFor(length int64, most int) int {
	if length < 0 {
		return most
	}
	return int(min(length+1, int64(most))) // one more, to see the end
}

// readAll reads to the end, or to one byte beyond a bound, into a buffer that begins with room
// and grows. The error is [errNoRoom] if grow returns false. A nil grow always allows it.
func readAll(r io.Reader, room, bound int, grow func(int) bool) ([]byte, error) {
	limit := bound + 1
	body := make([]byte, 0, room)
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF), err == nil && len(body) == limit:
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			size := min(max(2*cap(body), smallBody), limit)
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

func (b *buffers) Get() []byte { return *b.pool.Get().(*[]byte) }

func (b *buffers) Put(buffer []byte) {
	clear(buffer)
	b.pool.Put(&buffer)
}
