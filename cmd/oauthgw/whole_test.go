package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// The end of a body stays an end when the response has begun. Net/http closes the body
// then.
func TestA170EndOfABodyStays(t *testing.T) {
	ends := make(chan error, 2)
	s := crowdAt(t, 1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		ends <- err
		_ = http.NewResponseController(w).Flush()
		_, err = r.Body.Read(make([]byte, 1))
		ends <- err
	}))
	client, other := net.Pipe()
	defer client.Close()
	_ = client.SetDeadline(time.Now().Add(10 * time.Second))
	s.connections <- other
	if _, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
		t.Fatal(err)
	}
	if _, err := http.ReadResponse(bufio.NewReader(client), nil); err != nil {
		t.Fatal(err)
	}
	if first, again := <-ends, <-ends; first != nil || again != io.EOF {
		t.Errorf("the body ended with %v, and then with %v", first, again)
	}
}
