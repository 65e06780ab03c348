package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

// provider answers everything that it can read, and records each octet that
// reaches it.
type provider struct {
	net.Listener
	mu          sync.Mutex
	connections map[*recorded]bool
}

// recorded is what came over one connection.
type recorded struct {
	net.Conn
	stream   string // since it was last taken
	answered int    // octets of it
}

func startProvider() (*provider, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &provider{Listener: l, connections: map[*recorded]bool{}}
	go p.accept()
	return p, nil
}

func (p *provider) accept() {
	for {
		c, err := p.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go p.serve(&recorded{Conn: c})
		}
	}
}

func (p *provider) serve(c *recorded) {
	defer c.Close()
	p.mu.Lock()
	p.connections[c] = true
	p.mu.Unlock()
	octets := make([]byte, 64<<10)
	for {
		n, err := c.Read(octets)
		for _, answer := range p.record(c, string(octets[:n])) {
			if _, err := c.Write([]byte(answer)); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// record adds what came, and returns the answers to what is whole by it.
func (p *provider) record(c *recorded, more string) (answers []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.stream += more
	requests, rest := tolerant.requests(c.stream[c.answered:])
	c.answered = len(c.stream) - len(rest)
	for _, r := range requests {
		if r.whole {
			answers = append(answers, answerTo(r))
		}
	}
	return answers
}

// answerTo marks an answer as the provider's, and says to whom it is.
func answerTo(r request) string {
	status, body := "200 OK", "{}"
	switch {
	case strings.HasPrefix(r.line, "HEAD "):
		body = ""
	case strings.HasPrefix(r.line, "CONNECT "):
		status = "405 Method Not Allowed"
	case r.isMetadata():
		status = "404 Not Found"
	}
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: application/json\r\nX-Recorded: yes\r\nX-Turn: %s\r\nContent-Length: %d\r\n\r\n%s",
		status, strings.Join(r.fields["x-turn"], " "), len(body), body)
}

// isMetadata reports whether the gateway asks, of its own.
func (r request) isMetadata() bool { return strings.HasPrefix(r.line, "GET /.well-known/") }

// take returns what has come since it was last called, by connection. A connection
// with a request that is not whole is given up.
func (p *provider) take() (streams []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.connections {
		if c.stream != "" {
			streams = append(streams, c.stream)
		}
		if c.answered < len(c.stream) {
			c.Close()
			delete(p.connections, c)
		}
		c.stream, c.answered = "", 0
	}
	return streams
}
