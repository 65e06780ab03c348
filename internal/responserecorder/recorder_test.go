package responserecorder_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
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

// TestResult checks how a response ends after an error, a panic, or the end of a handler.
func TestResult(t *testing.T) {
	begin := func(w http.ResponseWriter) { w.WriteHeader(201) }
	for name, test := range map[string]struct {
		respond  func(http.ResponseWriter)
		err      error  // of reading from the provider
		closed   string // why the server closed the connection
		returned bool
		status   int
		end      string
	}{
		"nothing written":            {nil, nil, "", true, 200, "complete"},
		"complete":                   {begin, nil, "", true, 201, "complete"},
		"complete in a shutdown":     {begin, nil, "shutdown", true, 201, "complete"},
		"panic":                      {nil, nil, "", false, 500, "complete"},
		"panic inside the response":  {begin, nil, "", false, 201, "panic"},
		"provider":                   {begin, io.ErrUnexpectedEOF, "", false, 201, "provider"},
		"client":                     {begin, fmt.Errorf("read: %w", context.Canceled), "", false, 201, "client"},
		"timeout":                    {begin, fmt.Errorf("read: %w", os.ErrDeadlineExceeded), "", false, 201, "timeout"},
		"closed after the other":     {begin, net.ErrClosed, "", true, 201, "complete"},
		"eviction":                   {begin, net.ErrClosed, "eviction", false, 201, "eviction"},
		"shutdown":                   {begin, context.Canceled, "shutdown", false, 201, "shutdown"},
		"eviction before a response": {nil, nil, "eviction", false, 0, "eviction"},
	} {
		recorder, w := responserecorder.Wrap(httptest.NewRecorder())
		recorder.Closed = func() string { return test.closed }
		if test.respond != nil {
			test.respond(w)
		}
		recorder.Fail(responserecorder.Provider, test.err)
		recorder.Fail(responserecorder.Provider, nil)
		if status, end := recorder.Result(test.returned); status != test.status || end != test.end {
			t.Errorf("%s: got %d %s", name, status, end)
		}
	}
}

// broken is a ResponseWriter whose client is gone.
type broken struct{ http.ResponseWriter }

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
func (broken) FlushError() error         { return errors.New("broken pipe") }

func TestClientThatIsGone(t *testing.T) {
	for name, respond := range map[string]func(http.ResponseWriter){
		"write": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "x") },
		"flush": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	} {
		recorder, w := responserecorder.Wrap(broken{httptest.NewRecorder()})
		respond(w)
		recorder.Fail(responserecorder.Provider, io.ErrUnexpectedEOF) // the first error counts
		if status, end := recorder.Result(true); status != 200 || end != "client" {
			t.Errorf("%s: got %d %s", name, status, end)
		}
	}
}
