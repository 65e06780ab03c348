package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
)

// No trailer field of a request is kept while it is answered: neither those that arrive,
// however the body ends, nor the names that are announced.
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
			server := (&servers{}).newServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if err := test.end(r.Body); err != nil {
					t.Error(err)
				}
				kept <- [2]int{len(own.Trailer), len(r.Trailer)}
			}), log.New(io.Discard, "", 0))
			handler := server.Handler
			server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				own = r
				handler.ServeHTTP(w, r)
			})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			go func() { _ = server.Serve(atMost(1, l, nil)) }()
			hold(t, l.Addr().String(), test.request)
			if got := <-kept; got != [2]int{} {
				t.Errorf("net/http's request has %d trailer fields, the handler's %d", got[0], got[1])
			}
		})
	}
}
