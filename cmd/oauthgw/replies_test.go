package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What a provider might answer that no exchange file can hold.

const (
	replyHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	replyWell = replyHead + "Content-Length: 2\r\n\r\n{}"
)

// oddProvider is a provider on a real socket. It does what its script says
// to the first request of its first connection, and answers well on every other.
type oddProvider struct {
	net.Listener
	script      func(net.Conn)
	connections atomic.Int32
	requests    atomic.Int32
}

func startOddProvider(t *testing.T, script func(net.Conn)) *oddProvider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &oddProvider{Listener: l, script: script}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			first := p.connections.Add(1) == 1
			running.Go(func() { defer c.Close(); p.serve(c, first) })
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return p
}

func (p *oddProvider) serve(c net.Conn, first bool) {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		p.requests.Add(1)
		if first {
			first = false
			p.script(c)
			continue
		}
		if _, err := io.WriteString(c, replyWell); err != nil {
			return
		}
	}
}

// replying returns a script that sends octets and waits.
func replying(octets string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, octets) }
}

// ending returns a script that sends octets and closes.
func ending(octets string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, octets); _ = c.(*net.TCPConn).CloseWrite() }
}

// repeating returns a script that sends octets, and then others until nobody
// takes them.
func repeating(octets, more string) func(net.Conn) {
	return func(c net.Conn) {
		for _, err := io.WriteString(c, octets); err == nil; {
			_, err = io.WriteString(c, more)
		}
	}
}

// replyTest is what a provider answers, and what the client is told.
type replyTest struct {
	script func(net.Conn)
	status int
	sound  bool // nothing speaks against using the connection again
}

// tryReplies carries tests out. A client that is told that the provider failed
// is told it in JSON, without a part of what it sent; the request is sent once;
// and the connection is not used again, unless it is sound.
func tryReplies(t *testing.T, tests map[string]replyTest) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startOddProvider(t, test.script)
			g := frontedGateway(t, "http://"+p.Addr().String(), func(c *config) {
				c.Log.Level = "debug"
				if test.status == http.StatusGatewayTimeout {
					c.Upstream.Timeout = 200 * time.Millisecond
				}
			})
			status, header, body := postForm(t, g)
			if status != test.status {
				t.Errorf("got %d %v %.200s, want %d", status, header, body, test.status)
			}
			if status >= 500 && (header.Get("Content-Type") != "application/json" || !strings.Contains(body, `"error":"`)) || strings.Contains(body, "invalid_client") {
				t.Errorf("the client is told %v %.200s", header, body)
			}
			for _, field := range []string{"Location", "Link", "Set-Cookie", "Upgrade", "X-Evil"} {
				if header.Get(field) != "" {
					t.Errorf("%s was relayed: %v", field, header)
				}
			}
			if n := p.requests.Load(); n != 1 {
				t.Errorf("the request was sent %d times", n)
			}
			if status, _, body := postForm(t, g); status != http.StatusOK || body != "{}" {
				t.Errorf("the next client is told %d %s", status, body)
			}
			if n := p.connections.Load(); n != 2 && !test.sound {
				t.Errorf("%d connections for the two", n)
			}
			noCanary(t, g)
		})
	}
}

// postForm sends wireForm with Basic and returns what comes back.
func postForm(t *testing.T, g storyGateway) (status int, header http.Header, body string) {
	t.Helper()
	c, err := net.Dial("tcp", g.data)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, wireLast); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "anary") {
		t.Errorf("a part of a broken reply was relayed: %.200s", text)
	}
	return resp.StatusCode, resp.Header, string(text)
}

const replyToken = `{"access_token":"t0ken-Canary"`

func TestA073RepliesWithoutEnd(t *testing.T) {
	block := strings.Repeat("x", 64<<10)
	tryReplies(t, map[string]replyTest{
		"of a length beyond the cap": {repeating("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", block), 502, false},
		"in chunks":                  {repeating("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "10000\r\n"+block+"\r\n"), 502, false},
		"without a length":           {repeating("HTTP/1.1 200 OK\r\n\r\n", block), 502, false},
		"compressed":                 {repeating("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", "10000\r\n"+block+"\r\n"), 502, false},
	})
}

func TestA074StallingReplies(t *testing.T) {
	slowly := func(octets, more string) func(net.Conn) {
		return func(c net.Conn) {
			for _, err := io.WriteString(c, octets); err == nil; time.Sleep(10 * time.Millisecond) {
				_, err = io.WriteString(c, more)
			}
		}
	}
	tryReplies(t, map[string]replyTest{
		"that never come":         {replying(""), 504, false},
		"that stop in the head":   {replying("HTTP/1.1 200 OK\r\nContent-Ty"), 504, false},
		"that stop in the body":   {replying("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + replyToken), 504, false},
		"whose head comes slowly": {slowly("HTTP/1.1 200 OK\r\nX-Evil: ", "x"), 504, false},
		"whose body comes slowly": {slowly("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x"), 504, false},
	})
}

func TestA075RepliesThatBreakOff(t *testing.T) {
	reset := func(c net.Conn) {
		_, _ = io.WriteString(c, replyHead+"Content-Length: 100\r\n\r\n"+replyToken)
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	tryReplies(t, map[string]replyTest{
		"before they begin": {ending(""), 502, false},
		"in the head":       {ending("HTTP/1.1 200 OK\r\nContent-Ty"), 502, false},
		"within a length":   {ending(replyHead + "Content-Length: 100\r\n\r\n" + replyToken), 502, false},
		"within a chunk":    {ending(replyHead + "Transfer-Encoding: chunked\r\n\r\n100\r\n" + replyToken), 502, false},
		"between chunks":    {ending(replyHead + "Transfer-Encoding: chunked\r\n\r\n1e\r\n" + replyToken + "\r\n"), 502, false},
		"with a reset":      {reset, 502, false},
	})
}

func TestA076RepliesDelimitedByTheEnd(t *testing.T) {
	tryReplies(t, map[string]replyTest{
		"that break off in JSON": {ending(replyHead + "\r\n" + replyToken), 502, false},
		"that are empty":         {ending(replyHead + "\r\n"), 502, false},
		"that are whole":         {ending(replyHead + "\r\n{}"), 200, false},
	})
}

func TestA078Statuses(t *testing.T) {
	tests := map[string]replyTest{}
	for _, status := range []string{"099", "1000", "999", "600", "204", "205", "000", "-200", "2e2", "20"} {
		sound := status == "204" || status == "205" || status == "600"
		tests[status] = replyTest{replying("HTTP/1.1 " + status + " Odd\r\nX-Evil: x\r\nContent-Length: 0\r\n\r\n"), 502, sound}
	}
	tests["101"] = replyTest{replying("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), 502, false}
	tryReplies(t, tests)
}

func TestA079InterimReplies(t *testing.T) {
	const hint = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nSet-Cookie: a=b\r\n\r\n"
	tryReplies(t, map[string]replyTest{
		"are swallowed":   {ending(hint + hint + hint + replyWell), 200, false},
		"without end":     {repeating("", "HTTP/1.1 100 Continue\r\n\r\n"), 502, false},
		"of large fields": {repeating("", "HTTP/1.1 103 Early Hints\r\nLink: "+strings.Repeat("x", 8<<10)+"\r\n\r\n"), 502, false},
	})
}

func TestA080BrokenFraming(t *testing.T) {
	tryReplies(t, map[string]replyTest{
		"length and chunks":    {replying(replyHead + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 502, false},
		"chunks and length":    {replying(replyHead + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 502, false},
		"HTTP/2":               {replying(strings.Replace(replyWell, "HTTP/1.1", "HTTP/2.0", 1)), 502, false},
		"lengths that differ":  {replying(replyHead + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} "), 502, false},
		"a length with a plus": {replying(replyHead + "Content-Length: +2\r\n\r\n{}"), 502, false},
		"a NUL in the head":    {replying(replyHead + "X-Evil: a\x00b\r\nContent-Length: 2\r\n\r\n{}"), 502, false},
		"another protocol":     {ending("SSH-2.0-OpenSSH_9.2 Canary\r\n\r\n"), 502, false},
		"an unknown coding":    {replying(replyHead + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 502, false},
	})
}

// What follows a reply is for nobody, least of all for the next client.
func TestA081UnaskedReplies(t *testing.T) {
	const poison = replyHead + "Content-Length: 31\r\n\r\n" + replyToken + "}"
	tryReplies(t, map[string]replyTest{
		"behind one that was asked for": {replying(replyWell + poison), 200, false},
	})
}

func TestA082HugeHeads(t *testing.T) {
	var lines strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&lines, "X-%d: x\r\n", i)
	}
	tryReplies(t, map[string]replyTest{
		"of one field":     {replying(replyHead + "X-Evil: " + strings.Repeat("x", 9<<20) + "\r\nContent-Length: 2\r\n\r\n{}"), 502, false},
		"of 10,000 fields": {replying(replyHead + lines.String() + "Content-Length: 2\r\n\r\n{}"), 502, false},
		"of a status line": {replying("HTTP/1.1 200 " + strings.Repeat("x", 1<<20) + "\r\nContent-Length: 2\r\n\r\n{}"), 502, false},
	})
}

// A client that leaves once the provider has its code takes the connection
// along: the code is not sent again, and the log tells what became of it.
func TestA104ClientThatLeaves(t *testing.T) {
	arrived := make(chan struct{})
	p := startOddProvider(t, func(net.Conn) { close(arrived) })
	g := frontedGateway(t, "http://"+p.Addr().String())
	c, err := net.Dial("tcp", g.data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, wireGood); err != nil {
		t.Fatal(err)
	}
	<-arrived
	c.Close()
	if status, _, _ := postForm(t, g); status != http.StatusOK || p.requests.Load() != 2 || p.connections.Load() != 2 {
		t.Errorf("the next client is told %d, after %d requests over %d connections", status, p.requests.Load(), p.connections.Load())
	}
	if log := g.stop(); !strings.Contains(log, `"outcome":"canceled"`) {
		t.Errorf("the log says %s", log)
	}
}
