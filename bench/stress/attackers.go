package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// attackers are hostile clients of one behavior. Each connects again as soon as the
// gateway has closed its connection, from one of many loopback addresses.
type attackers struct {
	name                   string
	opened, failed, closed atomic.Int64 // closed by the gateway
	running                sync.WaitGroup
}

// startAttackers starts n attackers of each behavior. results waits until they end.
func startAttackers(ctx context.Context, names []string, address string, n int, d time.Duration) (results func() string) {
	until := time.Now().Add(d)
	var all []*attackers
	for _, name := range names {
		a := &attackers{name: name}
		all = append(all, a)
		for i := range n {
			a.running.Go(func() {
				pause(ctx, time.Duration(i/50)*10*time.Millisecond)
				a.run(ctx, net.IPv4(127, 0, 1+byte(i/200), 1+byte(i%200)), address, until)
			})
		}
	}
	return func() (text string) {
		for _, a := range all {
			a.running.Wait()
			text += fmt.Sprintf("; %s: %d connections, %d failed attempts, %d closed by the gateway", a.name, a.opened.Load(), a.failed.Load(), a.closed.Load())
		}
		return text
	}
}

func (a *attackers) run(ctx context.Context, from net.IP, address string, until time.Time) {
	dialer := net.Dialer{Timeout: maxWait, LocalAddr: &net.TCPAddr{IP: from}}
	for time.Now().Before(until) && ctx.Err() == nil {
		conn, err := dialer.Dial("tcp", address)
		if err != nil {
			a.failed.Add(1)
			pause(ctx, time.Second)
			continue
		}
		a.opened.Add(1)
		if behaviors[a.name].use(conn.(*net.TCPConn), until) {
			a.closed.Add(1)
		}
		_ = conn.Close()
	}
}

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
