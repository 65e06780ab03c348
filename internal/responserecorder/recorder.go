// Package responserecorder records a response's status and end, and its request's log attributes.
package responserecorder

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
)

// How a response ended. A response that ended early has the side or the event that cut it off.
const (
	Complete = "complete" // the handler wrote the whole response
	Client   = "client"   // the client closed its connection
	Provider = "provider" // the provider closed its connection inside a response
	Timeout  = "timeout"  // one of the two was silent, or did not read, for too long
	Panic    = "panic"    // a handler panicked inside a response
)

// Recorder records the response that it passes on. A request's handlers share one; see [Wrap].
type Recorder struct {
	http.ResponseWriter
	// BeforeHeader may change the header of the final response.
	BeforeHeader func(http.Header)
	// Closed returns why the server closed the connection: eviction, shutdown, or empty.
	Closed func() string
	// Level and Attrs are for the log line of the request. LateAttrs appends further attributes, and
	// is called only if the line is written. Nil appends none.
	Level     slog.Level
	Attrs     []slog.Attr
	LateAttrs func([]slog.Attr) []slog.Attr

	status int
	end    atomic.Pointer[string] // nil: no error
}

// Wrap returns the Recorder of w, and the writer to respond with: w, or a new Recorder around w.
func Wrap(w http.ResponseWriter) (*Recorder, http.ResponseWriter) {
	for inner := w; ; {
		switch x := inner.(type) {
		case *Recorder:
			return x, w
		case interface{ Unwrap() http.ResponseWriter }:
			inner = x.Unwrap()
		default:
			r := &Recorder{ResponseWriter: w, BeforeHeader: func(http.Header) {}, Closed: func() string { return "" }}
			return r, r
		}
	}
}

// AppendAttrs appends all attributes for the log line.
func (r *Recorder) AppendAttrs(attrs []slog.Attr) []slog.Attr {
	attrs = append(attrs, r.Attrs...)
	if r.LateAttrs != nil {
		attrs = r.LateAttrs(attrs)
	}
	return attrs
}

// Status returns the status of the response. Zero means that it has not begun. It is 101
// after [Recorder.Hijack]; other interim responses (RFC 9110 section 15.2) do not count.
func (r *Recorder) Status() int { return r.status }

// Fail records the first error of a read from a side, [Client] or [Provider], or of a write to
// it. It ignores nil, and a connection that the gateway closed because the other side had
// ended. It may be called concurrently.
func (r *Recorder) Fail(side string, err error) {
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		return
	}
	end := r.Closed()
	switch {
	case end != "":
	case errors.Is(err, net.ErrClosed):
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		end = Timeout
	case errors.Is(err, context.Canceled): // by net/http, because the client is gone
		end = Client
	default:
		end = side
	}
	r.end.CompareAndSwap(nil, &end)
}

// Result returns the status of the response and how it ended. Returned means that the handler did
// not panic: the server answers a panic unless a response has begun. Zero is no response.
func (r *Recorder) Result(returned bool) (status int, end string) {
	if end := r.end.Load(); end != nil {
		return r.status, *end
	}
	if returned {
		return cmp.Or(r.status, http.StatusOK), Complete // net/http writes 200
	}
	if end := r.Closed(); end != "" {
		return r.status, end
	}
	if r.status == 0 {
		return http.StatusInternalServerError, Complete
	}
	return r.status, Panic
}

// WriteHeader implements [http.ResponseWriter].
func (r *Recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
		r.BeforeHeader(r.Header())
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r *Recorder) Write(p []byte) (int, error) {
	r.begin()
	n, err := r.ResponseWriter.Write(p)
	r.Fail(Client, err)
	return n, err
}

// FlushError lets [http.ResponseController] flush.
func (r *Recorder) FlushError() error {
	r.begin()
	err := http.NewResponseController(r.ResponseWriter).Flush()
	r.Fail(Client, err)
	return err
}

func (r *Recorder) begin() {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
}

// Hijack implements [http.Hijacker]. The handler writes a 101 to the connection itself.
func (r *Recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(r.ResponseWriter).Hijack()
	if err == nil && r.status == 0 {
		r.status = http.StatusSwitchingProtocols
	}
	return conn, buffered, err
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
