package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// wire reads HTTP/1.1 messages from a connection, with as little work as can be
// done: all of them are ours, and each tells its length.
type wire struct {
	net.Conn
	buffer     []byte
	start, end int // of what was read and not yet taken
}

// patience is how long anything may take that has to happen.
const patience = 20 * time.Second

// largest is the longest message, head and body.
const largest = 16 << 10

func newWire(c net.Conn) *wire { return &wire{Conn: c, buffer: make([]byte, largest)} }

// dial connects a client.
func dial(address string) (*wire, error) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	return newWire(c), nil
}

// exchange sends a request and returns the reply. Both are valid until the next
// one.
func (w *wire) exchange(request []byte) (head, body []byte, err error) {
	if _, err := w.Write(request); err != nil {
		return nil, nil, err
	}
	return w.next()
}

// next returns the next message, valid until the one after it. The error is
// io.EOF if the connection ends before it.
func (w *wire) next() (head, body []byte, err error) {
	if w.start == w.end {
		w.start, w.end = 0, 0
	}
	for {
		unread := w.buffer[w.start:w.end]
		if n := bytes.Index(unread, []byte("\r\n\r\n")); n >= 0 {
			head = unread[:n+2]
			break
		}
		if err := w.fill(); err != nil {
			return nil, nil, err
		}
	}
	length, err := lengthOf(head)
	if err != nil {
		return nil, nil, err
	}
	begins := len(head) + 2
	for w.end-w.start < begins+length {
		if err := w.fill(); err != nil {
			return nil, nil, err
		}
	}
	message := w.buffer[w.start : w.start+begins+length]
	w.start += len(message)
	return message[:len(head)], message[begins:], nil
}

// fill reads more behind what there is. Where it moves what there is, nobody holds
// a part of it yet.
func (w *wire) fill() error {
	if w.end == len(w.buffer) {
		return errors.New("a message is too long")
	}
	n, err := w.Read(w.buffer[w.end:])
	w.end += n
	if err == io.EOF && w.end > w.start {
		return io.ErrUnexpectedEOF
	}
	return err
}

// lengthOf returns the length of the body behind a head.
func lengthOf(head []byte) (int, error) {
	const name = "content-length:"
	for rest := head; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\r\n"))
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
		}
		rest = after
	}
	if bytes.HasPrefix(head, []byte("GET ")) {
		return 0, nil
	}
	return 0, fmt.Errorf("a message tells no length: %q", head)
}
