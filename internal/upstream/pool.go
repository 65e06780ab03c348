package upstream

import (
	"slices"
	"sync"
	"time"
)

// idle are the connections that wait for a request. The one that waits shortest
// is taken first, because it is the likeliest to be open still. It is safe for
// concurrent use.
type idle struct {
	mu          sync.Mutex
	connections []*connection
}

// take returns a connection that is idle no longer. Nil means that there is none.
func (i *idle) take() *connection {
	i.mu.Lock()
	defer i.mu.Unlock()
	last := len(i.connections) - 1
	if last < 0 {
		return nil
	}
	c := i.connections[last]
	i.connections = i.connections[:last]
	c.expiry.Stop()
	return c
}

// put keeps a connection for a time, if there is room.
func (i *idle) put(c *connection, room int, d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.connections) >= room {
		c.drop()
		return
	}
	i.connections = append(i.connections, c)
	if c.expiry == nil {
		c.expiry = time.AfterFunc(d, func() { i.expire(c) })
		return
	}
	c.expiry.Reset(d)
}

// expire closes a connection that nobody has taken in time.
func (i *idle) expire(c *connection) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if at := slices.Index(i.connections, c); at >= 0 {
		i.connections = slices.Delete(i.connections, at, at+1)
		c.drop()
	}
}

func (i *idle) closeAll() {
	for c := i.take(); c != nil; c = i.take() {
		c.drop()
	}
}
