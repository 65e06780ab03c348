package responserecorder_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"oauthgw/internal/responserecorder"
)

func TestRecorder(t *testing.T) {
	write := func(w http.ResponseWriter) { _, _ = io.WriteString(w, "{}") }
	for name, test := range map[string]struct {
		respond func(http.ResponseWriter)
		status  int
		headers int // calls of BeforeHeader
	}{
		"nothing":              {func(http.ResponseWriter) {}, 0, 0},
		"only interim":         {func(w http.ResponseWriter) { w.WriteHeader(103) }, 0, 0},
		"interim and final":    {func(w http.ResponseWriter) { w.WriteHeader(103); w.WriteHeader(401) }, 401, 1},
		"no WriteHeader":       {func(w http.ResponseWriter) { write(w); write(w) }, 200, 1},
		"flushed":              {func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }, 200, 1},
		"a second WriteHeader": {func(w http.ResponseWriter) { w.WriteHeader(204); w.WriteHeader(500) }, 204, 1},
	} {
		t.Run(name, func(t *testing.T) {
			recorder, w := responserecorder.Wrap(httptest.NewRecorder())
			headers := 0
			recorder.BeforeHeader = func(http.Header) { headers++ }
			test.respond(w)
			if recorder.Status() != test.status || headers != test.headers {
				t.Errorf("status %d, %d headers", recorder.Status(), headers)
			}
		})
	}
}

// hijacker is a ResponseWriter that can be hijacked.
type hijacker struct{ http.ResponseWriter }

func (hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

func TestHijack(t *testing.T) {
	for _, test := range []struct {
		inner  http.ResponseWriter
		status int
	}{{httptest.NewRecorder(), 0}, {hijacker{httptest.NewRecorder()}, 101}} {
		recorder, w := responserecorder.Wrap(test.inner)
		if _, _, err := http.NewResponseController(w).Hijack(); (err == nil) != (test.status != 0) || recorder.Status() != test.status {
			t.Errorf("%T: status %d, %v", test.inner, recorder.Status(), err)
		}
	}
}

// wrapper is a ResponseWriter around another.
type wrapper struct{ http.ResponseWriter }

// Unwrap lets [http.ResponseController] reach the connection.
func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestWrapFindsTheRecorder(t *testing.T) {
	recorder, inner := responserecorder.Wrap(httptest.NewRecorder())
	outer := wrapper{inner}
	found, w := responserecorder.Wrap(outer)
	if found != recorder || w != http.ResponseWriter(outer) {
		t.Errorf("found %p, want %p; responds with %T", found, recorder, w)
	}
}
