package upstream

import (
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// recordedClose is a connection that is only closed.
type recordedClose struct {
	net.Conn
	isClosed bool
}

func (c *recordedClose) Close() error {
	c.isClosed = true
	return nil
}

// Each connection is closed when it has been idle for the timeout, whatever the others did.
func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool{timeout: 30 * time.Second}
		var conns []*recordedClose
		put := func() {
			conns = append(conns, &recordedClose{})
			p.put(&conn{raw: conns[len(conns)-1]})
		}
		at := func(after time.Duration, want string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			open := []int{}
			for i, c := range conns {
				if !c.isClosed {
					open = append(open, i)
				}
			}
			if got := fmt.Sprint(open, len(p.conns)); got != want {
				t.Errorf("open, idle: %s; want %s", got, want)
			}
		}
		put()
		put()
		at(10*time.Second, "[0 1] 2")
		put()
		at(19*time.Second, "[0 1 2] 3")
		c := p.get() // 2
		at(10*time.Second, "[2] 0")
		p.put(c)
		put()
		at(10*time.Second, "[2 3] 2")
		put()
		at(20*time.Second-1, "[2 3 4] 3")
		at(1, "[4] 1")
		at(10*time.Second-1, "[4] 1")
		at(1, "[] 0")
		put()
		at(30*time.Second-1, "[5] 1")
		at(1, "[] 0")
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.isTimed {
			t.Error("the timer runs without a connection")
		}
	})
}

// There is one timer: no exchange starts another.
func TestPoolAllocatesNothing(t *testing.T) {
	p := pool{timeout: time.Hour}
	p.put(&conn{raw: &recordedClose{}})
	if n := testing.AllocsPerRun(100, func() { p.put(p.get()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
