package connlimit

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

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
