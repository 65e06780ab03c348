package connlimit

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestA189TrailersAreNotKept checks that no trailer field of a request is kept while it is
// answered: neither those that arrive, however the body ends, nor the announced names.
func TestA189TrailersAreNotKept(t *testing.T) {
	const head = "POST / HTTP/1.1\nHost: a\nConnection: close\nTransfer-Encoding: chunked\n"
	trailer := "\n1\na\n0\n" + strings.Repeat("x:\n", 500) + "\n"
	announced := "Trailer: " + strings.Repeat("x,", 500) + "\n"
	read := func(body io.ReadCloser) error { _, err := io.Copy(io.Discard, body); return err }
	for name, test := range map[string]struct {
		request string
		end     func(body io.ReadCloser) error
	}{
		"read":                 {head + trailer, read},
		"closed":               {head + trailer, io.ReadCloser.Close},
		"expected":             {head + "Expect: 100-continue\n" + trailer, read},
		"announced":            {head + announced + "\n", func(io.ReadCloser) error { return nil }},
		"announced and read":   {head + announced + trailer, read},
		"announced and closed": {head + announced + trailer, io.ReadCloser.Close},
	} {
		t.Run(name, func(t *testing.T) {
			kept := make(chan [2]int, 1)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, own *http.Request) {
				r := TrackBody(own.Context(), own)
				if err := test.end(r.Body); err != nil {
					t.Error(err)
				}
				kept <- [2]int{len(own.Trailer), len(r.Trailer)}
			}))
			defer server.Close()
			c, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprint(c, strings.ReplaceAll(test.request, "\n", "\r\n"))
			if got := <-kept; got != [2]int{} {
				t.Errorf("net/http's request has %d trailer fields, the handler's %d", got[0], got[1])
			}
		})
	}
}

// TestA170EndOfABodyStays checks that the end of a body stays an end when the response has
// begun and net/http has closed the body.
func TestA170EndOfABodyStays(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, own *http.Request) {
		r := TrackBody(own.Context(), own)
		_, first := io.ReadAll(r.Body)
		_ = http.NewResponseController(w).Flush()
		if _, again := r.Body.Read(make([]byte, 1)); first != nil || again != io.EOF {
			t.Errorf("the body ended with %v, and then with %v", first, again)
		}
	}))
	defer server.Close()
	resp, err := http.Post(server.URL, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}
