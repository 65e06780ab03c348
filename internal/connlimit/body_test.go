package connlimit

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestA189TrailersAreNotKept checks that no trailer field of a request is kept while it is
// answered: neither those that arrive, however the body ends, nor the announced names.
func TestA189TrailersAreNotKept(t *testing.T) {
	const head = "POST / HTTP/1.1\nHost: a\nConnection: close\nTransfer-Encoding: chunked\n"
	var names, fields strings.Builder
	for i := range 500 {
		fmt.Fprintf(&names, "x%d,", i)
		fmt.Fprintf(&fields, "x%d:\n", i)
	}
	read := func(body io.ReadCloser) error { _, err := io.Copy(io.Discard, body); return err }
	for name, test := range map[string]struct {
		request string
		end     func(body io.ReadCloser) error
	}{
		"read":                 {head + "\n1\na\n0\n" + fields.String() + "\n", read},
		"closed":               {head + "\n1\na\n0\n" + fields.String() + "\n", io.ReadCloser.Close},
		"expected":             {head + "Expect: 100-continue\n\n1\na\n0\n" + fields.String() + "\n", read},
		"announced":            {head + "Trailer: " + names.String() + "\n\n", func(io.ReadCloser) error { return nil }},
		"announced and read":   {head + "Trailer: " + names.String() + "\n\n1\na\n0\n" + fields.String() + "\n", read},
		"announced and closed": {head + "Trailer: x1\n\n1\na\n0\n" + fields.String() + "\n", io.ReadCloser.Close},
	} {
		t.Run(name, func(t *testing.T) {
			var own *http.Request // net/http's
			kept := make(chan [2]int, 1)
			server := newServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if err := test.end(r.Body); err != nil {
					t.Error(err)
				}
				kept <- [2]int{len(own.Trailer), len(r.Trailer)}
			}))
			handler := server.Handler
			server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				own = r
				handler.ServeHTTP(w, r)
			})
			client, other := net.Pipe()
			defer client.Close()
			ends := pipes{make(chan net.Conn, 1), make(chan struct{})}
			ends.connections <- other
			defer server.Close()
			go func() { _ = server.Serve(New(ends, Config{Max: 1})) }()
			go func() { _, _ = io.WriteString(client, strings.ReplaceAll(test.request, "\n", "\r\n")) }()
			go func() { _, _ = io.Copy(io.Discard, client) }()
			if got := <-kept; got != [2]int{} {
				t.Errorf("net/http's request has %d trailer fields, the handler's %d", got[0], got[1])
			}
		})
	}
}

// TestA170EndOfABodyStays checks that the end of a body stays an end when the response has
// begun and net/http has closed the body.
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
