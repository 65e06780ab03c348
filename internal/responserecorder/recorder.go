// Package responserecorder records the status of a response, and whether it has begun.
package responserecorder

import (
	"bufio"
	"net"
	"net/http"
)

// Recorder is an [http.ResponseWriter] that records the response it passes on. Handlers
// of one request share one Recorder; see [Wrap].
type Recorder struct {
	http.ResponseWriter
	// BeforeHeader may change the header of the final response, unless it is nil.
	BeforeHeader func(http.Header)
	status       int
}

// Wrap returns the Recorder that w is or unwraps to, and the writer to respond with: w
// itself, or a new Recorder around w if it has none.
func Wrap(w http.ResponseWriter) (*Recorder, http.ResponseWriter) {
	for inner := w; ; {
		switch x := inner.(type) {
		case *Recorder:
			return x, w
		case interface{ Unwrap() http.ResponseWriter }:
			inner = x.Unwrap()
		default:
			r := &Recorder{ResponseWriter: w}
			return r, r
		}
	}
}

// Status returns the status of the response. Zero means that it has not begun. It is 101
// after [Recorder.Hijack]; other interim responses (RFC 9110 section 15.2) do not count.
func (r *Recorder) Status() int { return r.status }

// WriteHeader implements [http.ResponseWriter].
func (r *Recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
		if r.BeforeHeader != nil {
			r.BeforeHeader(r.Header())
		}
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (r *Recorder) Write(p []byte) (int, error) {
	r.begin()
	return r.ResponseWriter.Write(p)
}

// FlushError lets [http.ResponseController] flush.
func (r *Recorder) FlushError() error {
	r.begin()
	return http.NewResponseController(r.ResponseWriter).Flush()
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
