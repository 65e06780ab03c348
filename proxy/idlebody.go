package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"oauthgw/clientauth"
)

// smallBody is the size up to which a body is read before the provider is called, in bytes.
// A form or a JSON-RPC message fits.
const smallBody = 4 << 10

// small is a body that was read.
type small struct{ io.Reader }

// Close implements [io.Closer].
func (small) Close() error { return nil }

// readSmallBody reads a small body of known length within bodyTimeout. Until then the
// request holds no connection to the provider, and its own may be evicted.
func readSmallBody(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if r.ContentLength <= 0 || r.ContentLength > smallBody {
		return r, nil
	}
	body, err := readBody(w, r, &share{of: bodies})
	out := *r
	out.Body = small{bytes.NewReader(body)}
	return &out, err
}

// isUpload reports whether a request has a body that has yet to arrive.
func isUpload(r *http.Request) bool {
	_, isSmall := r.Body.(small)
	return r.Body != nil && r.Body != http.NoBody && !isSmall
}

// idleTimeoutBody is a request body that may take any time, but each Read has a timeout.
type idleTimeoutBody struct {
	io.ReadCloser
	deadlines *http.ResponseController

	mu  sync.Mutex
	err error // the first error of a Read, which every later Read returns
}

type bodyKey struct{}

// withIdleTimeout returns a request with an idleTimeoutBody if it is an upload.
func withIdleTimeout(w http.ResponseWriter, r *http.Request) *http.Request {
	if !isUpload(r) {
		return r
	}
	b := &idleTimeoutBody{ReadCloser: r.Body, deadlines: http.NewResponseController(w)}
	out := r.WithContext(context.WithValue(r.Context(), bodyKey{}, b))
	out.Body = b
	return out
}

// Read implements [io.Reader]. The transport reads the body once more after its end, to see
// whether it is longer than its Content-Length. By then the response may have begun and
// net/http closed the body, and any error but io.EOF makes the transport close the provider
// connection, so that the rest of the response is lost.
func (b *idleTimeoutBody) Read(p []byte) (int, error) {
	if err := b.firstError(); err != nil {
		return 0, err
	}
	_ = b.deadlines.SetReadDeadline(time.Now().Add(bodyTimeout))
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.err = err
	}
	return n, err
}

func (b *idleTimeoutBody) firstError() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// bodyError returns why the body of a request ended early. Nil means that it did not. The
// end of the context is not the reason: net/http ends it when reading fails.
func bodyError(ctx context.Context) *clientauth.Error {
	b, ok := ctx.Value(bodyKey{}).(*idleTimeoutBody)
	if !ok {
		return nil
	}
	switch err := b.firstError(); {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlowBody
	}
	return errBrokenBody
}

// closeIfUnread closes the connection after the response if the request body is not
// complete. Otherwise net/http would read the rest of the body when the response begins, so
// that the provider would not receive it.
func closeIfUnread(resp *http.Response) {
	if b, ok := resp.Request.Context().Value(bodyKey{}).(*idleTimeoutBody); ok && !errors.Is(b.firstError(), io.EOF) {
		resp.Header.Set("Connection", "close")
	}
}

// writeTimeout is how long a client may take to receive one write of a response.
const writeTimeout = 30 * time.Second

// idleTimeoutWriter writes a response that may take any time, but each write has a timeout.
type idleTimeoutWriter struct {
	http.ResponseWriter
	interim bool // the client understands interim responses
}

func (w idleTimeoutWriter) setDeadline() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTimeout))
}

// WriteHeader implements [http.ResponseWriter]. It passes an interim response on without
// its hop-by-hop fields, and not to a client of HTTP/1.0 (RFC 9110 section 15.2).
func (w idleTimeoutWriter) WriteHeader(status int) {
	if status < http.StatusOK {
		if !w.interim {
			return
		}
		removeHopByHop(w.Header())
		w.setDeadline()
	} else {
		keepUntyped(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (w idleTimeoutWriter) Write(p []byte) (int, error) {
	w.setDeadline()
	return w.ResponseWriter.Write(p)
}

// FlushError lets [http.ResponseController] flush.
func (w idleTimeoutWriter) FlushError() error {
	w.setDeadline()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack implements [http.Hijacker].
func (w idleTimeoutWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return hijack(w.ResponseWriter)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w idleTimeoutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
