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

// kind is how an attacker behaves.
type kind struct {
	begins string // what it sends at once
	goesOn string // what it sends then, again and again
	pause  time.Duration
	deaf   bool // it never reads
}

const tokenHead = "POST /token HTTP/1.1\r\nHost: " + publicHost + "\r\nContent-Type: application/x-www-form-urlencoded\r\n"

var kinds = map[string]kind{
	"slow-header":  {begins: tokenHead + "X-Slow: ", goesOn: "x", pause: 2 * time.Second},
	"slow-body":    {begins: tokenHead + "Content-Length: 1000\r\n\r\ngrant_type=", goesOn: "x", pause: 2 * time.Second},
	"large-header": {begins: tokenHead, goesOn: "X-Large: " + strings.Repeat("x", 64<<10) + "\r\n"},
	"many-fields":  {begins: manyFields("/page") + "\n", pause: 2 * time.Second},
	"open-fields":  {begins: manyFields("/token"), goesOn: "aa:\n", pause: 2 * time.Second},
	"fat-header":   {begins: fat("POST /token", 10), pause: 2 * time.Second},
	"fat-open":     {begins: strings.TrimSuffix(fat("POST /token", 10), "\r\n\r\n"), pause: 2 * time.Second},
	"fat-body":     {begins: fat("POST /token", 1<<16) + "assertion=" + strings.Repeat("x", 60_000), pause: 2 * time.Second},
	"fat-form":     {begins: fat("POST /token", 4096) + "assertion=" + strings.Repeat("x", 4000), pause: 2 * time.Second},
	"fat-page":     {begins: fat("GET /hanging", 0), pause: 2 * time.Second},
	"trailers":     {begins: "POST /page HTTP/1.1\r\nHost: " + publicHost + "\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + shortFields(1010) + "a:\r\n\r\n", pause: 2 * time.Second},
	"announced":    {begins: tokenHead + "Transfer-Encoding: chunked\r\nTrailer: " + strings.ReplaceAll(shortFields(4000), ":\n", ",") + "a\r\n\r\n", pause: 2 * time.Second},
	"endless-body": {begins: tokenHead + "Transfer-Encoding: chunked\r\n\r\n", goesOn: "1000\r\n" + strings.Repeat("x", 0x1000) + "\r\n"},
	"idle":         {pause: 2 * time.Second},
	"deaf":         {goesOn: strings.Repeat("GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: "+publicHost+"\r\n\r\n", 50), deaf: true},
	"deaf-page":    {begins: "GET /large HTTP/1.1\r\nHost: " + publicHost + "\r\n\r\n", pause: time.Second, deaf: true},
}

// manyFields is the header of a request with a body, as many fields as fit, and no end.
func manyFields(path string) string {
	return "POST " + path + " HTTP/1.1\nHost: " + publicHost + "\nContent-Length: 10\n" + shortFields(4399)
}

// shortFields is n fields with different names of two or three characters.
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

// fat is the largest header that is taken, with few fields, of a request with a body.
func fat(request string, length int) string {
	header := request + " HTTP/1.1\r\nHost: " + publicHost + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " + strconv.Itoa(length) + "\r\nX-Fat: "
	return header + strings.Repeat("x", 16<<10-len(header)-4) + "\r\n\r\n"
}

// Kinds that belong together: those that send slowly, that send much, that send many
// fields, that send few and large ones, and that read nothing.
var (
	slowly = []string{"slow-header", "slow-body"}
	large  = []string{"large-header", "endless-body"}
	many   = []string{"many-fields", "open-fields", "trailers", "announced"}
	fatly  = []string{"fat-header", "fat-open", "fat-body", "fat-form", "fat-page"}
	deaf   = []string{"deaf", "deaf-page"}
)

// behave attacks on a connection until the gateway ends it. Digit is the first of
// the status that the gateway answered, 0 if it did not. Not ended means that the
// attack is over before.
func (k kind) behave(c net.Conn, until time.Time) (digit byte, ended bool) {
	if k.deaf {
		_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	}
	_, _ = io.WriteString(c, k.begins)
	left := k.goesOn
	for time.Now().Before(until) {
		_ = c.SetWriteDeadline(time.Now().Add(max(k.pause, time.Second)))
		n, err := io.WriteString(c, left)
		if left = left[n:]; left == "" {
			left = k.goesOn
		}
		over := err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
		if k.deaf && !over {
			time.Sleep(k.pause)
			over = hungUp(c)
		}
		if !k.deaf || over {
			digit, ended = k.listen(c, over)
		}
		if over || ended {
			return digit, true
		}
	}
	return 0, false
}

// listen reads what the gateway says. Ended means that it ends the connection.
func (k kind) listen(c net.Conn, over bool) (digit byte, ended bool) {
	_ = c.SetReadDeadline(time.Now().Add(k.pause + time.Millisecond))
	answer := make([]byte, 512)
	n, err := io.ReadFull(c, answer)
	if status, ok := strings.CutPrefix(string(answer[:n]), "HTTP/1.1 "); ok && status != "" {
		digit = status[0] - '0'
	}
	return digit % 6, over || digit > 0 || !errors.Is(err, os.ErrDeadlineExceeded)
}
