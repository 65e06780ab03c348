package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// reading is the body of a response. When half of it has been sent it reads the body of
// the request, as a transport does that is not done with that.
type reading struct {
	request io.Reader
	left    string
	got     []byte
	err     error
}

func (b *reading) Read(p []byte) (int, error) {
	switch b.left {
	case "":
		return 0, io.EOF
	case "b":
		b.got, b.err = io.ReadAll(b.request)
	}
	n := copy(p[:1], b.left)
	b.left = b.left[n:]
	return n, nil
}

func (b *reading) Close() error { return nil }

// The body of a request can be read to its end, and behind it, when the response has
// begun. Net/http would read and close it then.
func TestA170ResponseThatBeginsEarly(t *testing.T) {
	sent := strings.Repeat("x", 5000) // a small body would have been received whole
	for name, test := range map[string]struct {
		before bool // the body is read before the response begins
		closes bool // the connection
	}{
		"after the body": {true, false},
		"before it":      {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			body := &reading{left: "ab"}
			front := httptest.NewServer(passthroughOver("http://provider.example",
				roundTripper(func(r *http.Request) (*http.Response, error) {
					body.request = r.Body
					if test.before {
						if text, err := io.ReadAll(r.Body); err != nil || string(text) != sent {
							t.Errorf("before the response: %d bytes, %v", len(text), err)
						}
					}
					return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: 2, Body: body, Request: r}, nil
				}), io.Discard))
			defer front.Close()
			resp, err := http.Post(front.URL, "application/json", strings.NewReader(sent))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "ab" || resp.Close != test.closes {
				t.Errorf("the response: %q %v, last on its connection: %v", text, err, resp.Close)
			}
			if body.err != nil || !test.before && string(body.got) != sent {
				t.Errorf("in the middle of the response: %d bytes, %v", len(body.got), body.err)
			}
		})
	}
}
