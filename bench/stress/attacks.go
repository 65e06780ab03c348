package main

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// behavior is what a hostile client does on one connection.
type behavior struct {
	first      string // what it sends first
	repeated   string // what it sends then, repeatedly
	pause      time.Duration
	neverReads bool
}

const tokenHead = "POST /token HTTP/1.1\r\nHost: " + publicHost + "\r\nContent-Type: application/x-www-form-urlencoded\r\n"

var behaviors = map[string]behavior{
	"slow-header":       {first: tokenHead + "X-Slow: ", repeated: "x", pause: 2 * time.Second},
	"slow-body":         {first: tokenHead + "Content-Length: 1000\r\n\r\ngrant_type=", repeated: "x", pause: 2 * time.Second},
	"large-header":      {first: tokenHead, repeated: "X-Large: " + strings.Repeat("x", 64<<10) + "\r\n"},
	"endless-body":      {first: tokenHead + "Transfer-Encoding: chunked\r\n\r\n", repeated: "1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"},
	"many-fields":       {first: manyFields("/page") + "\n", pause: 2 * time.Second},
	"endless-fields":    {first: manyFields("/token"), repeated: "aa:\n", pause: 2 * time.Second},
	"trailers":          {first: "POST /page HTTP/1.1\r\nHost: " + publicHost + "\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + shortFields(1010) + "a:\r\n\r\n", pause: 2 * time.Second},
	"announced":         {first: tokenHead + "Transfer-Encoding: chunked\r\nTrailer: " + strings.ReplaceAll(shortFields(4000), ":\n", ",") + "a\r\n\r\n", pause: 2 * time.Second},
	"full-header":       {first: fullHeader("POST /token", 10), pause: 2 * time.Second},
	"unfinished-header": {first: strings.TrimSuffix(fullHeader("POST /token", 10), "\r\n\r\n"), pause: 2 * time.Second},
	"partial-body":      {first: fullHeader("POST /token", 1<<16) + "assertion=" + strings.Repeat("x", 60_000), pause: 2 * time.Second},
	"partial-form":      {first: fullHeader("POST /token", 4096) + "assertion=" + strings.Repeat("x", 4000), pause: 2 * time.Second},
	"hanging-page":      {first: fullHeader("GET /hanging", 0), pause: 2 * time.Second},
	"unread-metadata":   {repeated: strings.Repeat("GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: "+publicHost+"\r\n\r\n", 50), neverReads: true},
	"unread-page":       {first: "GET /large HTTP/1.1\r\nHost: " + publicHost + "\r\n\r\n", repeated: "\r\n", pause: time.Second, neverReads: true},
	"idle":              {pause: 2 * time.Second},
}

// Behaviors of one part each.
var (
	slow        = []string{"slow-header", "slow-body"}
	large       = []string{"large-header", "endless-body"}
	fields      = []string{"many-fields", "endless-fields", "trailers", "announced"}
	fullHeaders = []string{"full-header", "unfinished-header", "partial-body", "partial-form", "hanging-page"}
	unread      = []string{"unread-metadata", "unread-page"}
)

// manyFields returns a header without end, with as many fields as fit.
func manyFields(path string) string {
	return "POST " + path + " HTTP/1.1\nHost: " + publicHost + "\nContent-Length: 10\n" + shortFields(4399)
}

// shortFields returns n fields with different names of two or three characters.
func shortFields(n int) (fields string) {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~"
	for i := range n {
		if i >= len(letters)*len(letters) {
			fields += "a"
		}
		fields += string(letters[i/len(letters)%len(letters)]) + string(letters[i%len(letters)]) + ":\n"
	}
	return fields
}

// fullHeader returns a header of 16 KiB, the largest that is accepted, with few fields.
func fullHeader(request string, contentLength int) string {
	header := request + " HTTP/1.1\r\nHost: " + publicHost + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(contentLength) + "\r\nX-Full: "
	return header + strings.Repeat("x", 16<<10-len(header)-4) + "\r\n\r\n"
}

// use uses a connection until the gateway closes it or the time is over.
func (b behavior) use(c *net.TCPConn, until time.Time) (closed bool) {
	if b.neverReads {
		_ = c.SetReadBuffer(4 << 10)
	}
	_, _ = io.WriteString(c, b.first)
	rest := b.repeated
	for !closed && time.Now().Before(until) {
		_ = c.SetWriteDeadline(time.Now().Add(max(b.pause, time.Second)))
		n, err := io.WriteString(c, rest)
		if rest = rest[n:]; rest == "" {
			rest = b.repeated
		}
		closed = err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
		if b.neverReads {
			time.Sleep(b.pause)
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(b.pause + time.Millisecond))
		_, err = c.Read(make([]byte, 512))
		closed = closed || !errors.Is(err, os.ErrDeadlineExceeded) // a response is the end, too
	}
	return closed
}
