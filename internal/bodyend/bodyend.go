// Package bodyend keeps the end of a body: a body that has ended ends the same way when it
// is read again.
package bodyend

import "io"

// Stays returns a body whose first error is the result of every later read too.
//
// An HTTP transport reads a request's body once more after its end, to see whether the
// body is longer than its Content-Length. If the response has begun by then, net/http has
// closed the body and no longer returns [io.EOF]. Any other error makes the transport
// close the connection to the server, and the rest of the response is lost.
func Stays(body io.ReadCloser) io.ReadCloser { return &ended{ReadCloser: body} }

// ended is a body that one goroutine reads at a time.
type ended struct {
	io.ReadCloser
	with error // nil: it has not ended
}

// Read implements [io.Reader].
func (e *ended) Read(p []byte) (int, error) {
	if e.with != nil {
		return 0, e.with
	}
	n, err := e.ReadCloser.Read(p)
	e.with = err
	return n, err
}
