package connlimit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
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

// TestA171HeaderLimiterReturnsEverything checks that bytes are delivered unchanged, in whatever
// pieces they arrive, and a header without the bytes after it.
func TestA171HeaderLimiterReturnsEverything(t *testing.T) {
	requests := []struct{ header, body string }{
		{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "\r\n\r\na"},
		{"GET / HTTP/1.1\nHost: a\n\n", ""},
		{"\r\n\r\nPOST / HTTP/1.1\r\n" + strings.Repeat("a:\r\n", MaxHeaderFields) + "\r\n", strings.Repeat("\n", 1000)},
		{"GET / HTTP/1.1\r\n\r\n", ""},
	}
	var sent strings.Builder
	for _, r := range requests {
		sent.WriteString(r.header + r.body)
	}
	for name, in := range map[string]func(io.Reader) io.Reader{
		"all at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader,
		"with the error": iotest.DataErrReader, "halves": iotest.HalfReader,
	} {
		for _, sizes := range [][]int{{1, 1}, {7, 7}, {4096, 4096}, {4096, 100}} { // of the first read, and of all others
			size := sizes[0]
			a, from := headerLimiter{}, in(strings.NewReader(sent.String()))
			deliver := func(n int) string {
				var got bytes.Buffer
				for got.Len() < n {
					p := make([]byte, size)
					size = sizes[1]
					n, err := a.read(from, p)
					got.Write(p[:n])
					if err != nil && !errors.Is(err, io.EOF) || n == 0 {
						t.Fatalf("%s, %d: %d %v", name, sizes, n, err)
					}
				}
				return got.String()
			}
			for i, r := range requests {
				if got := deliver(len(r.header)); got != r.header {
					t.Errorf("%s, %d: header %d: %q", name, sizes, i, got)
				}
				a.body = int64(len(r.body))
				if got := deliver(len(r.body)); got != r.body {
					t.Errorf("%s, %d: body %d: %q", name, sizes, i, got)
				}
			}
			if n, err := a.read(from, make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("%s, %d: the end: %d %v", name, sizes, n, err)
			}
		}
	}
}
