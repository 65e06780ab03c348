package main

import (
	"io"
	"net"
	"strings"
	"testing"
)

// Messages are read one by one, in whatever pieces they come, and what has no end
// is an error.
func TestWire(t *testing.T) {
	const (
		first  = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc"
		second = "HTTP/1.1 200 OK\r\nX: 1\r\nContent-Length:0\r\n\r\n"
	)
	for name, test := range map[string]struct {
		sent   []string
		bodies []string
		ends   error // nil: any error but the end of the connection
	}{
		"whole":              {[]string{first}, []string{"abc"}, io.EOF},
		"two at once":        {[]string{first + second}, []string{"abc", ""}, io.EOF},
		"octet by octet":     {strings.Split(first+second, ""), []string{"abc", ""}, io.EOF},
		"request":            {[]string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}, []string{""}, io.EOF},
		"cut off":            {[]string{first[:len(first)-1]}, nil, io.ErrUnexpectedEOF},
		"cut off behind one": {[]string{first + second[:9]}, []string{"abc"}, io.ErrUnexpectedEOF},
		"no length":          {[]string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"}, nil, nil},
		"too long":           {[]string{"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", largest)}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer func() { _ = ours.Close() }()
			go func() {
				defer func() { _ = theirs.Close() }()
				for _, piece := range test.sent {
					if _, err := io.WriteString(theirs, piece); err != nil {
						return // it was refused
					}
				}
			}()
			w := newWire(ours)
			for _, want := range test.bodies {
				if _, body, err := w.next(); err != nil || string(body) != want {
					t.Fatalf("%q, %v; want %q", body, err, want)
				}
			}
			_, body, err := w.next()
			if err == nil || test.ends != nil && err != test.ends || test.ends == nil && err == io.EOF {
				t.Errorf("at the end: %q, %v", body, err)
			}
		})
	}
}
