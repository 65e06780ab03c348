package main

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// dropTrailers drops the trailer fields of requests, which nothing reads. Net/http keeps
// them in its own request until the response has ended, and the names that a Trailer field
// announces from the beginning: thousands of short ones hold some hundred kilobytes.
func dropTrailers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, own *http.Request) {
		own.Trailer = nil
		r := own
		if own.ContentLength < 0 {
			r = own.WithContext(own.Context()) // net/http looks at the body of its own
			r.Body = &trailerless{ReadCloser: own.Body, of: own}
		}
		next.ServeHTTP(w, r)
	})
}

// trailerless is a body in chunks. Its end, which Close reads too, brings the trailer.
type trailerless struct {
	io.ReadCloser
	mu sync.Mutex // one goroutine may close it while another reads
	of *http.Request
}

// Read implements [io.Reader].
func (t *trailerless) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		t.drop()
	}
	return n, err
}

// Close implements [io.Closer].
func (t *trailerless) Close() error {
	defer t.drop()
	return t.ReadCloser.Close()
}

func (t *trailerless) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of.Trailer = nil
}
