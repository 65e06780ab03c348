package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// upload is the body of a request that may take as long as it likes, but has to move:
// each piece of it may take as long as the whole body of a request to an endpoint.
type upload struct {
	io.ReadCloser
	deadlines *http.ResponseController

	mu   sync.Mutex
	over bool // the deadline is no longer the body's
}

// moving returns a request whose body has to move.
func moving(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	with := *r
	with.Body = &upload{ReadCloser: r.Body, deadlines: http.NewResponseController(w)}
	return &with
}

// Read implements [io.Reader]. Its errors are refusals.
func (u *upload) Read(p []byte) (int, error) {
	u.begin()
	n, err := u.ReadCloser.Read(p)
	if err != nil {
		u.end()
	}
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, errSlowBody
	}
	return n, errBrokenBody
}

// Close implements [io.Closer]. The transport may go on reading.
func (u *upload) Close() error {
	u.end()
	return u.ReadCloser.Close()
}

func (u *upload) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.over {
		_ = u.deadlines.SetReadDeadline(time.Now().Add(bodyTimeout))
	}
}

func (u *upload) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.over = true
}
