package upstream

import (
	"slices"
	"sync"
	"time"
)

// pool holds the idle connections. It is safe for concurrent use.
type pool struct {
	timeout time.Duration
	mu      sync.Mutex
	conns   []*conn // the most recently used last
}

// get removes and returns the most recently used connection, which is the least likely to
// be closed. Nil means that there is none.
func (p *pool) get() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.conns) - 1
	if last < 0 {
		return nil
	}
	c := p.conns[last]
	p.conns = p.conns[:last]
	c.expiry.Stop()
	return c
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
	c.expiry = time.AfterFunc(p.timeout, func() { p.expire(c) })
}

// expire closes a connection if it is still idle.
func (p *pool) expire(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.conns, c); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
		c.close()
	}
}
