package faultprovider

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxBody is how much of a request's body is read, in octets.
const maxBody = 1 << 20

// connection is one connection, from its acceptance on.
type connection struct {
	net.Conn
	provider *Provider
	number   int
	reader   *bufio.Reader
	life     context.Context // until the connection is closed by this end
	end      context.CancelFunc
}

func newConnection(p *Provider, c net.Conn, number int) *connection {
	life, end := context.WithCancel(p.life)
	return &connection{Conn: c, provider: p, number: number, reader: bufio.NewReader(c), life: life, end: end}
}

// converse answers one request after the other until either end closes.
func (p *Provider) converse(c *connection) {
	defer c.hangUp()
	x := &exchange{connection: c}
	if m, ok := p.draw(OnConnect); ok {
		p.meet(x, m)
	}
	for c.life.Err() == nil {
		x, err := c.read()
		if err != nil {
			return
		}
		m, ok := p.chosen(x.request)
		if ok {
			p.meet(x, m)
		} else {
			p.note(x, NoFault)
			x.answer(x.honest())
		}
		if x.request.Close {
			return
		}
	}
}

// meet lets an exchange, or a connection before its first one, meet a
// misbehaviour, for as long as patience lasts.
func (p *Provider) meet(x *exchange, m Fault) {
	p.note(x, m.Name)
	_ = x.SetDeadline(time.Now().Add(p.config.MaxDuration))
	m.do(x)
	_ = x.SetDeadline(time.Time{})
}

// read reads the next request. A body that is no form has no parameters.
func (c *connection) read() (*exchange, error) {
	r, err := http.ReadRequest(c.reader)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	form, _ := url.ParseQuery(string(body))
	return &exchange{connection: c, request: r, body: body, form: form}, nil
}

// hangUp closes the connection in order.
func (c *connection) hangUp() {
	c.end()
	_ = c.Close()
}

// reset ends the connection so that the other end sees a reset.
func (c *connection) reset() {
	if t, ok := c.transport().(interface{ SetLinger(int) error }); ok {
		_ = t.SetLinger(0)
	}
	c.end()
	// Not the TLS layer's Close, which would say goodbye first.
	_ = c.transport().Close()
}

// transport is the connection below TLS.
func (c *connection) transport() net.Conn {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return c.Conn
}
