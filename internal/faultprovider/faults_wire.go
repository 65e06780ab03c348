package faultprovider

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// UnsolicitedToken is the token of the second response to one request.
const UnsolicitedToken = TokenPrefix + "unsolicited"

const banner = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"

// bodies are bodies that are compressed, large or slow.
func bodies() []Fault {
	return []Fault{
		{"gzip", "compresses the body against Accept-Encoding", "72", OnPost, with(func(c *connection, r *response) {
			compressed := compress(r.body.Bytes())
			r.body.Reset()
			r.body.Write(compressed)
			r.header.Set("Content-Encoding", "gzip")
			c.respond(r)
		})},
		{"gzip-bomb", "sends a compressed body of the large size", "73", OnPost, sendBomb},
		{"large-body", "sends a body of the large size", "73", OnPost, sendLargeBody},
		{"endless-chunks", "sends chunks up to the large size and no last one", "73", OnPost, sendEndlessChunks},
		{"silence", "never responds", "74", OnPost, (*connection).hang},
		{"slow-header", "sends one byte of the header in each interval", "74", OnPost, with(func(c *connection, r *response) {
			c.writeSlowly(r.head())
			c.write(r.body.String())
		})},
		{"slow-body", "sends one byte of the body in each interval", "74", OnPost, sendSlowBody},
		{"stalled-body", "sends half of the body and hangs", "74", OnPost, with(func(c *connection, r *response) {
			c.write(r.head(), r.half())
			c.hang()
		})},
	}
}

func compress(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text)
	_ = w.Close()
	return b.Bytes()
}

// sendBomb sends a compressed megabyte repeatedly: RFC 1952 section 2.2 allows several members.
func sendBomb(c *connection) {
	const megabyte = 1 << 20
	member := compress(make([]byte, megabyte))
	times := int(max(c.provider.config.LargeSize/megabyte, 1))
	c.write(fmt.Sprintf("HTTP/1.1 200 OK\r\n%s\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", typeJSON, times*len(member)))
	for range times {
		if c.ctx.Err() != nil {
			return
		}
		c.write(string(member))
	}
}

// sendLargeBody sends spaces, which may be JSON until the end.
func sendLargeBody(c *connection) {
	c.write(fmt.Sprintf("HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n", typeJSON, c.provider.config.LargeSize))
	c.writeLarge(strings.Repeat(" ", 64<<10))
}

func sendEndlessChunks(c *connection) {
	c.write("HTTP/1.1 200 OK\r\n" + typeJSON + "\r\nTransfer-Encoding: chunked\r\n\r\n")
	c.writeLarge("10000\r\n" + strings.Repeat(" ", 64<<10) + "\r\n")
	c.hang()
}

func sendSlowBody(c *connection) {
	r := c.normal()
	c.write(r.head())
	c.writeSlowly(r.body.String())
}

// truncations end a response early.
func truncations() []Fault {
	return []Fault{
		{"truncated", "sends half of the body and closes", "75", OnPost, with(func(c *connection, r *response) {
			c.write(r.head(), r.half())
			c.close()
		})},
		{"truncated-header", "closes in the middle of the header", "75", OnPost, with(func(c *connection, r *response) {
			c.write(r.head()[:len(r.head())/2])
			c.close()
		})},
		{"truncated-chunks", "sends half of the body in a chunk and closes without a last one", "75", OnPost, with(func(c *connection, r *response) {
			c.write(r.headWith("Transfer-Encoding: chunked"), fmt.Sprintf("%x\r\n%s\r\n", len(r.half()), r.half()))
			c.close()
		})},
		{"reset-in-body", "sends half of the body and resets the connection", "75", OnPost, with(func(c *connection, r *response) {
			c.write(r.head(), r.half())
			c.reset()
		})},
		{"half-json", "sends half of the body without a length and closes", "76", OnPost, sendHalfWithoutLength},
	}
}

func sendHalfWithoutLength(c *connection) {
	r := c.normal()
	c.write(r.headWith("Connection: close"), r.half())
	c.close()
}

// framings contradict themselves, or are not HTTP/1.1.
func framings() []Fault {
	framed := func(fields func(length int) []string) func(*connection) {
		return with(func(c *connection, r *response) { c.write(r.headWith(fields(r.body.Len())...), r.body.String()) })
	}
	return []Fault{
		{"length-and-chunks", "sends Content-Length and chunks", "80", OnPost, with(func(c *connection, r *response) {
			c.write(r.headWith("Content-Length: 5", "Transfer-Encoding: chunked"),
				fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", r.body.Len(), r.body.String()))
		})},
		{"two-lengths", "sends two different Content-Length fields", "80", OnPost, framed(func(n int) []string {
			return []string{"Content-Length: " + strconv.Itoa(n), "Content-Length: " + strconv.Itoa(n+1)}
		})},
		{"signed-length", "sends a Content-Length with a sign", "80", OnPost, framed(func(n int) []string {
			return []string{"Content-Length: +" + strconv.Itoa(n)}
		})},
		{"nul-in-header", "sends a NUL in a header field", "80", OnPost, framed(func(n int) []string {
			return []string{"X-Odd: a\x00b", "Content-Length: " + strconv.Itoa(n)}
		})},
		{"banner", "responds in another protocol", "80", OnPost, send(banner)},
		{"banner-at-once", "sends text of another protocol before the request", "80", OnConnect, func(c *connection) {
			c.write(banner)
			c.hang()
		}},
		{"http-2-status-line", "sends HTTP/2.0 in the status line", "80", OnPost, with(func(c *connection, r *response) {
			c.write(strings.Replace(r.head(), "HTTP/1.1", "HTTP/2.0", 1), r.body.String())
		})},
		{"second-reply", "sends two responses to one request", "81", OnPost, with(func(c *connection, r *response) {
			// In one write, so that the second is there when the first has been read.
			c.write(r.head() + r.body.String() + message("200 OK", `{"access_token":"`+UnsolicitedToken+`","token_type":"Bearer"}`, typeJSON))
		})},
	}
}

// connections close a connection at a bad time.
func connections() []Fault {
	return []Fault{
		{"close-on-accept", "closes a new connection", "R3", OnConnect, (*connection).close},
		{"close-after-request", "closes after the request", "R3", OnPost, (*connection).close},
		{"reset-after-request", "resets the connection after the request", "R3", OnPost, (*connection).reset},
		{"half-close", "closes its sending side after the request and continues to read", "R3", OnPost, func(c *connection) {
			if t, ok := c.Conn.(interface{ CloseWrite() error }); ok {
				_ = t.CloseWrite()
			}
			c.hang()
		}},
		{"close-idle", "responds, and closes after an interval", "R3", OnPost, with(func(c *connection, r *response) {
			c.respond(r)
			_ = c.SetReadDeadline(time.Now().Add(c.provider.config.Interval))
			if c.read() == nil { // a request that arrived, but gets no response
				c.provider.observe(c, "close-idle")
			}
			c.close()
		})},
	}
}
