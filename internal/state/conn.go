package state

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
)

// Bounds of a reply. Those to the commands of this package have some hundred bytes.
const (
	maxReply  = 16 << 10
	maxDigits = 3 // of an announced length
)

// conn is a connection that fails before go-redis allocates whatever length a reply announces, or
// reads one without end. It belongs to one goroutine at a time.
type conn struct {
	net.Conn
	left   int  // bytes that may be read until the next command
	length bool // the line so far is a length
	digits int  // of that length
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// limitReplies returns a dialer whose connections limit replies.
func limitReplies(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		limited := &conn{Conn: c}
		if s, ok := c.(syscall.Conn); ok { // go-redis finds out by it that the server closed an idle connection
			return struct {
				*conn
				syscall.Conn
			}{limited, s}, nil
		}
		return limited, nil
	}
}

// Write implements [net.Conn].
func (c *conn) Write(b []byte) (int, error) {
	c.left, c.length, c.digits = maxReply, false, -1
	return c.Conn.Write(b)
}

// Read implements [net.Conn]. A line within a text counts as one of the protocol.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.left -= n
	for _, char := range b[:n] {
		switch {
		case char == '\n':
			c.digits = -1
		case c.digits < 0:
			c.digits, c.length = 0, strings.ContainsRune("$*%~>|=!", rune(char))
		case c.length && '0' <= char && char <= '9':
			c.digits++
		default:
			c.length = c.length && (char == '+' || char == '-')
		}
		if c.length && c.digits > maxDigits {
			return 0, errLargeReply
		}
	}
	if c.left < 0 {
		return 0, errLargeReply
	}
	return n, err
}

var errLargeReply = errors.New("unexpected reply: it is too large")
