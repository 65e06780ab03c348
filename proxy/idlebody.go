package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"oauthgw/clientauth"
)

// idleTimeoutBody is the body of a request that may take as long as it likes, but has to move:
// each piece of it may take as long as the whole body of a request to an endpoint.
type idleTimeoutBody struct {
	io.ReadCloser
	deadlines *http.ResponseController
	err       error // the first error of a Read, which every later Read returns

	mu    sync.Mutex
	over  bool              // the deadline is no longer the body's
	fault *clientauth.Error // why it broke off; nil: it did not
}

type uploadKey struct{}

// bodyError returns why the body of a request broke off. Nil means that it did not. A
// context that ended is no better reason: net/http ends it when reading fails.
func bodyError(ctx context.Context) *clientauth.Error {
	u, ok := ctx.Value(uploadKey{}).(*idleTimeoutBody)
	if !ok {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.fault
}

// smallBody is how large a body may be, in bytes, to be received before the provider is
// asked. A form or a JSON-RPC message fits.
const smallBody = 4 << 10

// small is a body that has been received.
type small struct{ io.Reader }

// Close implements [io.Closer].
func (small) Close() error { return nil }

// receiveSmall receives a small body whose length is known, within the time that a body at
// an endpoint may take. A client that sends it slowly, or never, holds no connection to
// the provider and may lose its own.
func receiveSmall(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if r.ContentLength <= 0 || r.ContentLength > smallBody {
		return r, nil
	}
	body, err := readBody(w, r, &share{of: bodies})
	with := *r
	with.Body = small{bytes.NewReader(body)}
	return &with, err
}

// uploads reports whether a request has a body that was not received yet.
func uploads(r *http.Request) bool {
	_, received := r.Body.(small)
	return r.Body != nil && r.Body != http.NoBody && !received
}

// withIdleTimeout returns a request whose body has to move.
func withIdleTimeout(w http.ResponseWriter, r *http.Request) *http.Request {
	if !uploads(r) {
		return r
	}
	u := &idleTimeoutBody{ReadCloser: r.Body, deadlines: http.NewResponseController(w)}
	with := r.WithContext(context.WithValue(r.Context(), uploadKey{}, u))
	with.Body = u
	return with
}

// leaveUnread makes a response the last on its connection if the body of its request is
// not whole. Otherwise net/http would read the rest of the body itself when the response
// begins, so that the provider would not get it.
func leaveUnread(resp *http.Response) {
	if u, ok := resp.Request.Context().Value(uploadKey{}).(*idleTimeoutBody); ok && !u.whole() {
		resp.Header.Set("Connection", "close")
	}
}

// whole reports whether the body has been read to its end.
func (u *idleTimeoutBody) whole() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.over && u.fault == nil
}

// Read implements [io.Reader]. The transport reads the body once more after its end, to
// see whether it is longer than its Content-Length. By then the response may have begun
// and net/http closed the body, and any error but io.EOF makes the transport close the
// provider connection, so that the rest of the response is lost.
func (u *idleTimeoutBody) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	u.begin()
	n, err := u.ReadCloser.Read(p)
	u.err = err
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		u.end(nil)
	case errors.Is(err, os.ErrDeadlineExceeded):
		u.end(errSlowBody)
	default:
		u.end(errBrokenBody)
	}
	return n, err
}

func (u *idleTimeoutBody) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.over {
		_ = u.deadlines.SetReadDeadline(time.Now().Add(bodyTimeout))
	}
}

func (u *idleTimeoutBody) end(fault *clientauth.Error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.over { // what comes after the end is no reason for it
		u.over, u.fault = true, fault
	}
}
