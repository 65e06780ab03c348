package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"oauthgw/clientauth"
)

// WriteTimeout returns the timeout of one write of a response, given that of a pause in a
// request body. It is longer, because the client may wait for a slow reader of its own.
func WriteTimeout(stall time.Duration) time.Duration { return 3 * stall }

func setReadDeadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
}

func setWriteDeadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}

// idleTimeoutBody is a request body that may take any time, but each Read has a timeout.
type idleTimeoutBody struct {
	io.ReadCloser
	w     http.ResponseWriter
	stall time.Duration         // the timeout
	err   atomic.Pointer[error] // the first error of a Read
}

func (b *idleTimeoutBody) Read(p []byte) (int, error) {
	if b.err.Load() == nil {
		setReadDeadline(b.w, b.stall)
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// state reports whether the body is incomplete, and how a Read failed. A nil body is complete.
func (b *idleTimeoutBody) state() (incomplete bool, failure *clientauth.Error) {
	if b == nil {
		return false, nil
	}
	switch err := b.err.Load(); {
	case err == nil:
		return true, nil
	case errors.Is(*err, io.EOF):
		return false, nil
	case errors.Is(*err, os.ErrDeadlineExceeded):
		return true, errSlowBody
	}
	return true, errBrokenBody
}

// failure returns the error of a Read, unless that is the end of the body.
func (b *idleTimeoutBody) failure() error {
	if b == nil {
		return nil
	}
	if err := b.err.Load(); err != nil && !errors.Is(*err, io.EOF) {
		return *err
	}
	return nil
}

// idleTimeoutWriter writes a response of any length, but each write has a timeout, with its flush.
type idleTimeoutWriter struct {
	http.ResponseWriter
	timeout time.Duration
	interim bool // the client understands interim responses
}

// WriteHeader passes an interim response on without its hop-by-hop fields, and not to a client
// of HTTP/1.0 (RFC 9110 section 15.2).
func (w idleTimeoutWriter) WriteHeader(status int) {
	switch {
	case status >= http.StatusOK:
		keepUntyped(w.Header())
	case !w.interim:
		return
	default:
		removeHopByHop(w.Header())
		w.Header().Del(RequestID) // the provider's; the server sets that of the final response
	}
	setWriteDeadline(w.ResponseWriter, w.timeout)
	w.ResponseWriter.WriteHeader(status)
}

func (w idleTimeoutWriter) Write(p []byte) (int, error) {
	setWriteDeadline(w.ResponseWriter, w.timeout)
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w idleTimeoutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
