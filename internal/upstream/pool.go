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
	conns   []*conn // in the order in which they became idle
	isTimed bool    // a timer will call sweep
}

// get removes and returns the most recently used connection, or nil.
func (p *pool) get() *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.conns) - 1
	if last < 0 {
		return nil
	}
	c := p.conns[last]
	p.conns = p.conns[:last]
	return c
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.idle = time.Now()
	p.conns = append(p.conns, c)
	if !p.isTimed {
		p.isTimed = true
		time.AfterFunc(p.timeout, p.sweep)
	}
}

// sweep closes the connections that have been idle for the timeout, which are the first. One
// timer does it, because one for each connection would be set and stopped by each request.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := slices.IndexFunc(p.conns, func(c *conn) bool { return time.Since(c.idle) < p.timeout })
	if p.isTimed = kept >= 0; !p.isTimed {
		kept = len(p.conns)
	}
	for _, c := range p.conns[:kept] {
		c.close()
	}
	p.conns = slices.Delete(p.conns, 0, kept)
	if p.isTimed {
		time.AfterFunc(time.Until(p.conns[0].idle.Add(p.timeout)), p.sweep)
	}
}
