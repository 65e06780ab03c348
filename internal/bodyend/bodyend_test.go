package bodyend

import (
	"errors"
	"io"
	"testing"
)

var errClosed = errors.New("closed")

// pieces is a body of which each read has a result of its own.
type pieces struct{ results []error }

func (p *pieces) Read(into []byte) (int, error) {
	err := p.results[0]
	p.results = p.results[1:]
	return copy(into, "x"), err
}

func (p *pieces) Close() error { return nil }

// The first error of a body stays, whatever the body under it says later.
func TestTheFirstErrorStays(t *testing.T) {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, errClosed} {
		body := Stays(&pieces{[]error{nil, end, errClosed, nil}})
		for i, want := range []struct {
			n   int
			err error
		}{{1, nil}, {1, end}, {0, end}, {0, end}} {
			if n, err := body.Read(make([]byte, 2)); n != want.n || err != want.err {
				t.Errorf("read %d of a body that ends with %v: %d %v", i, end, n, err)
			}
		}
	}
}
