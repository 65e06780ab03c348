package faultprovider

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxBody is the maximum size of a request's body in bytes.
const maxBody = 1 << 20

// connection is a connection and its current request.
type connection struct {
	net.Conn
	provider *Provider
	number   int
	reader   *bufio.Reader
	ctx      context.Context // canceled when the connection is closed here
	cancel   context.CancelFunc

	request *http.Request // nil before the first
	body    []byte
	form    url.Values
}

func newConnection(p *Provider, c net.Conn, number int) *connection {
	ctx, cancel := context.WithCancel(p.ctx)
	return &connection{Conn: c, provider: p, number: number, reader: bufio.NewReader(c), ctx: ctx, cancel: cancel}
}

// serve serves requests until either end closes the connection.
func (p *Provider) serve(c *connection) {
	defer c.close()
	if f, ok := p.draw(OnConnect); ok {
		p.inject(c, f)
	}
	for c.ctx.Err() == nil && c.read() == nil {
		if f, ok := p.choose(c.request); ok {
			p.inject(c, f)
		} else {
			p.observe(c, NoFault)
			c.respond(c.normal())
		}
		if c.request.Close {
			return
		}
	}
}

// inject runs a fault for at most MaxDuration.
func (p *Provider) inject(c *connection, f Fault) {
	p.observe(c, f.Name)
	_ = c.SetDeadline(time.Now().Add(p.config.MaxDuration))
	f.run(c)
	_ = c.SetDeadline(time.Time{})
}

// read reads the next request.
func (c *connection) read() error {
	r, err := http.ReadRequest(c.reader)
	if err != nil {
		return err
	}
	c.request = r
	if c.body, err = io.ReadAll(io.LimitReader(r.Body, maxBody)); err != nil {
		return err
	}
	c.form, _ = url.ParseQuery(string(c.body)) // another body has no parameters
	return nil
}

// close closes the connection in order.
func (c *connection) close() {
	c.cancel()
	_ = c.Conn.Close()
}

// reset closes the connection so that the other end sees a reset.
func (c *connection) reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.close()
}

// write writes texts, each at once, until the other end is gone.
func (c *connection) write(texts ...string) {
	for _, text := range texts {
		if _, err := io.WriteString(c.Conn, text); err != nil {
			c.close()
			return
		}
	}
}

// writeSlowly writes a text byte by byte.
func (c *connection) writeSlowly(text string) {
	for i := range len(text) {
		c.write(text[i : i+1])
		select {
		case <-time.After(c.provider.config.Interval):
		case <-c.ctx.Done():
			return
		}
	}
}

// writeLarge repeats a text up to LargeSize bytes.
func (c *connection) writeLarge(text string) {
	for rest := c.provider.config.LargeSize; rest > 0 && c.ctx.Err() == nil; rest -= int64(len(text)) {
		c.write(text[:min(int64(len(text)), rest)])
	}
}

// hang waits until the other end closes the connection or MaxDuration is over.
func (c *connection) hang() {
	_, _ = io.Copy(io.Discard, c.reader)
	c.close()
}
