package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type conn struct {
	net.Conn
	raw      net.Conn          // below TLS, or Conn itself
	limit    *io.LimitedReader // reads from the conn
	reader   *bufio.Reader     // reads from limit
	opened   time.Time
	idle     time.Time             // the start of the idle time, in the pool
	timedOut bool                  // a read exceeded the deadline
	abort    func()                // abortIO
	socket   syscall.RawConn       // nil: it was not looked at yet
	peek     func(fd uintptr) bool // sets readable
	readable bool                  // a read would return at once
	body     lengthBody            // of the response; only the exchange that has the connection reads it
}

func newConn(c net.Conn) *conn {
	out := &conn{Conn: c, raw: c, opened: time.Now()}
	out.abort, out.peek = out.abortIO, out.peekAt
	out.limit = &io.LimitedReader{R: out}
	out.reader = bufio.NewReader(out.limit)
	if secure, ok := c.(*tls.Conn); ok {
		out.raw = secure.NetConn()
	}
	return out
}

// getConn returns a connection for an exchange with a deadline. Zero means no deadline.
func (t *Transport) getConn(ctx context.Context, deadline time.Time) (*conn, error) {
	for c := t.pool.get(); c != nil; c = t.pool.get() {
		_ = c.raw.SetDeadline(deadline) // with that of the previous exchange it could look stale
		isOld := t.maxAge > 0 && time.Since(c.opened) >= t.maxAge
		if !isOld && !c.isStale(deadline) {
			return c, nil
		}
		c.close()
	}
	if !deadline.IsZero() {
		limited, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		ctx = limited
	}
	c, err := t.dial(ctx, t.network, t.address)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(deadline)
	return newConn(c), nil
}

// Read records that the deadline is exceeded, because readers of lines hide the error.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.timedOut = c.timedOut || errors.Is(err, os.ErrDeadlineExceeded)
	return n, err
}

// abortIO makes pending and later reads and writes fail.
func (c *conn) abortIO() { _ = c.raw.SetDeadline(time.Unix(1, 0)) }

// close closes the connection without TLS's close_notify, which could block.
func (c *conn) close() { _ = c.raw.Close() }

// isStale reports whether the server closed the connection or sent bytes without a request,
// which would be read as the response to the next request. It leaves the deadline in place.
func (c *conn) isStale(deadline time.Time) bool {
	if c.socket == nil {
		c.socket, _ = c.raw.(syscall.Conn).SyscallConn() // fails without a socket only
	}
	if err := c.socket.Read(c.peek); c.readable || err != nil {
		return true
	}
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return false
	}
	// With a deadline in the past, Read returns only data that TLS has buffered.
	_ = secure.SetReadDeadline(time.Unix(1, 0))
	n, err := secure.Read(make([]byte, 1))
	_ = secure.SetReadDeadline(deadline)
	timeout, ok := err.(net.Error)
	return n > 0 || !ok || !timeout.Timeout()
}

// peekAt sets readable.
func (c *conn) peekAt(fd uintptr) bool {
	var first [1]byte
	_, _, err := syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	c.readable = err != syscall.EAGAIN && err != syscall.EWOULDBLOCK
	return true
}

// Errors contain nothing that the server sent.
var errFraming = errors.New("response framing is ambiguous")

// readResponse reads the header of the final response. It skips others (RFC 9110 section 15.2).
func (c *conn) readResponse(r *http.Request) (*http.Response, error) {
	c.limit.N = maxResponseHeaderBytes
	for {
		resp, err := readHeader(textproto.NewReader(c.reader))
		switch {
		case err != nil:
			return nil, err
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("response switches protocols") // no request asks for it
		case resp.StatusCode >= 200:
			c.limit.N = math.MaxInt64
			resp.Request = r
			return resp, c.setBody(resp)
		}
	}
}

// readHeader reads a status line (RFC 9112 section 4) and a header.
func readHeader(in *textproto.Reader) (*http.Response, error) {
	line, err := in.ReadLine()
	if err != nil {
		return nil, err
	}
	version, status, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(status, " ")
	minor := slices.Index([]string{"HTTP/1.0", "HTTP/1.1"}, version)
	n, err := strconv.ParseUint(code, 10, 16)
	if minor < 0 || err != nil || len(code) != 3 || n < 100 || n > 599 {
		return nil, errors.New("response has no valid HTTP/1.1 status line")
	}
	header, err := in.ReadMIMEHeader()
	if err != nil {
		return nil, errors.New("response header is too large, malformed or truncated")
	}
	return &http.Response{Proto: version, ProtoMajor: 1, ProtoMinor: minor, Status: status, StatusCode: int(n), Header: http.Header(header)}, nil
}

// setBody sets the body. The header must state its length exactly once (RFC 9112 section 6.3).
func (c *conn) setBody(resp *http.Response) error {
	coding, length := resp.Header["Transfer-Encoding"], resp.Header["Content-Length"]
	delete(resp.Header, "Transfer-Encoding")
	options := strings.ToLower(strings.Join(resp.Header["Connection"], ","))
	resp.Close = resp.ProtoMinor == 0 || strings.Contains(options, "close") // RFC 9112 section 9.3
	resp.ContentLength = -1
	switch {
	case resp.Request.Method == http.MethodHead, resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusNotModified:
		resp.Body, resp.ContentLength = http.NoBody, 0
	case len(coding) > 0 && (len(coding) > 1 || len(length) > 0 || resp.ProtoMinor == 0 || !strings.EqualFold(coding[0], "chunked")):
		return errFraming
	case len(coding) > 0:
		resp.Body = io.NopCloser(&chunkedBody{c.reader, httputil.NewChunkedReader(c.reader)})
	case len(length) > 0:
		n, err := strconv.ParseUint(length[0], 10, 62)
		if err != nil || len(length) > 1 {
			return errFraming
		}
		c.body = lengthBody{io.LimitedReader{R: c.reader, N: int64(n)}}
		resp.Body, resp.ContentLength = &c.body, int64(n)
	default: // the body ends with the connection
		resp.Body, resp.Close = io.NopCloser(c.reader), true
	}
	return nil
}

// lengthBody is a body with a Content-Length. An early end is an error.
type lengthBody struct{ io.LimitedReader }

// Close does nothing: the exchange closes the connection.
func (b *lengthBody) Close() error { return nil }

func (b *lengthBody) Read(p []byte) (int, error) {
	n, err := b.LimitedReader.Read(p)
	if err == io.EOF && b.N > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// chunkedBody is a body in chunks (RFC 9112 section 7.1). It drops the trailer.
type chunkedBody struct {
	in     *bufio.Reader
	chunks io.Reader
}

func (b *chunkedBody) Read(p []byte) (int, error) {
	n, err := b.chunks.Read(p)
	if err != io.EOF {
		return n, err
	}
	for range 64 { // lines
		line, err := b.in.ReadSlice('\n')
		if err != nil {
			return n, fmt.Errorf("%w: %w", errFraming, err)
		}
		if string(line) == "\r\n" || string(line) == "\n" {
			return n, io.EOF
		}
	}
	return n, errFraming
}
