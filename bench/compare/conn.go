package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"
)

// timeout bounds everything that is waited for.
const timeout = 20 * time.Second

// conn reads HTTP/1.1 messages from a connection with as little processor time as
// possible, because clients and provider share the processors with the contenders.
type conn struct {
	net.Conn
	reader     *bufio.Reader
	head, body []byte
}

func newConn(c net.Conn) *conn { return &conn{Conn: c, reader: bufio.NewReaderSize(c, 8<<10)} }

func dial(address string) (*conn, error) {
	c, err := net.DialTimeout("tcp", address, timeout)
	if err != nil {
		return nil, err
	}
	return newConn(c), nil
}

// roundTrip sends a request and returns the response, valid until the next call.
func (c *conn) roundTrip(request []byte) (head, body []byte, err error) {
	_ = c.SetDeadline(time.Now().Add(timeout)) // Write fails as well if the connection is closed
	if _, err := c.Write(request); err != nil {
		return nil, nil, err
	}
	return c.read()
}

// read returns the next message, valid until the next call. The length of a response
// has to be in Content-Length; a request without it has no body.
func (c *conn) read() (head, body []byte, err error) {
	c.head = c.head[:0]
	length, hasLength := uint64(0), false
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return nil, nil, err
		}
		if len(line) == len("\r\n") {
			break
		}
		c.head = append(c.head, line...)
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			hasLength = true
			if length, err = strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 20); err != nil {
				return nil, nil, fmt.Errorf("Content-Length: %w", err)
			}
		}
	}
	if !hasLength && bytes.HasPrefix(c.head, []byte("HTTP/")) {
		return nil, nil, fmt.Errorf("response without Content-Length: %q", c.head)
	}
	c.body = slices.Grow(c.body[:0], int(length))[:length]
	_, err = io.ReadFull(c.reader, c.body)
	return c.head, c.body, err
}
