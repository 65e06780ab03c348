package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// silence is how long nothing comes before an answer is taken to be all of it.
const silence = 300 * time.Millisecond

// answer is one that a client got.
type answer struct {
	status    int
	providers bool // which the provider gave
}

// outcome is what came of an attempt.
type outcome struct {
	received string
	answers  []answer
	early    int  // how many of them came before the client closed its side
	open     bool // what was sent did not end the connection
	hangs    bool // nor did that the client closed its side
	streams  []string
	honest   error // why the next client was not served
}

// try carries an attempt out, and asks as an honest client afterwards.
func (p *peer) try(a attempt, turn int) (o outcome) {
	o.send(p.address, a.octets)
	o.honest = p.serves(fmt.Sprint("turn-", turn))
	o.streams = p.provider.take()
	return o
}

func (o *outcome) send(address, octets string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return // the honest client fails too
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, _ = io.WriteString(c, octets) // fails where the peer hangs up early
	early, open := listen(c)
	o.open, o.received = open, early
	o.answers = answersIn(early)
	o.early = len(o.answers)
	if open {
		_ = c.(*net.TCPConn).CloseWrite()
		late, open := listen(c)
		o.received, o.hangs = early+late, open
		o.answers = answersIn(o.received)
	}
}

// listen returns what comes until it is silent, and whether the connection
// outlives that.
func listen(c net.Conn) (received string, open bool) {
	var b bytes.Buffer
	octets := make([]byte, 64<<10)
	for {
		_ = c.SetReadDeadline(time.Now().Add(silence))
		n, err := c.Read(octets)
		b.Write(octets[:n])
		if err != nil {
			return b.String(), errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

// answersIn reads answers. What is none has the status 0.
func answersIn(received string) (answers []answer) {
	r := bufio.NewReader(strings.NewReader(received))
	for {
		if _, err := r.Peek(1); err != nil {
			return answers
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return append(answers, answer{})
		}
		answers = append(answers, answer{resp.StatusCode, resp.Header.Get("X-Recorded") != ""})
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return answers // one to HEAD
		}
	}
}

// serves asks for a token, and says what was wrong with the answer.
func (p *peer) serves(turn string) error {
	request := strings.Replace(good, "Host: a\r\n", "Host: a\r\nConnection: close\r\nX-Turn: "+turn+"\r\n", 1)
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Turn") != turn {
		return fmt.Errorf("the answer was %s, to %q", resp.Status, resp.Header.Get("X-Turn"))
	}
	return nil
}

// reached returns what the provider saw of an attempt, in the eyes of a reader.
func (o outcome) reached(read func(string) []request) (seen []request) {
	for _, stream := range o.streams {
		seen = append(seen, slices.DeleteFunc(read(stream), func(r request) bool {
			return r.fields["x-turn"] != nil || r.isMetadata()
		})...)
	}
	return seen
}

func tolerantly(stream string) []request {
	seen, _ := tolerant.requests(stream)
	return seen
}
