package upstream

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// received is a reply, read to its end.
type received struct {
	status int
	header http.Header
	length int64
	body   string
}

// receive reads the reply to a request out of octets.
func receive(method string, octets io.Reader) (got received, err error) {
	c := newConnection(nil, nil, nil)
	c.limit.R = octets
	resp, err := c.readReply(&http.Request{Method: method}, 32<<10)
	if err != nil {
		return received{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return received{resp.StatusCode, resp.Header, resp.ContentLength, string(body)}, err
}

// receiveStandard does so with net/http.
func receiveStandard(method string, octets io.Reader) (status int, body string, err error) {
	in := bufio.NewReader(octets)
	for status < 200 {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return 0, "", err
		}
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return 0, "", err
		}
		status, body = resp.StatusCode, string(text)
	}
	return status, body, nil
}

// Whatever a server sends, and in whichever pieces it arrives, it is refused or
// read as one reply, of the length that it says, and as net/http reads it.
func FuzzReadReply(f *testing.F) {
	for _, octets := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
		"HTTP/1.0 400 Bad Request\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/2 200\r\n\r\n",
	} {
		f.Add(false, []byte(octets))
		f.Add(true, []byte(octets))
	}
	f.Fuzz(func(t *testing.T, head bool, octets []byte) {
		method := map[bool]string{false: http.MethodPost, true: http.MethodHead}[head]
		whole, err := receive(method, bytes.NewReader(octets))
		pieces, pieceErr := receive(method, iotest.OneByteReader(bytes.NewReader(octets)))
		switch {
		case !reflect.DeepEqual(whole, pieces) || (err == nil) != (pieceErr == nil):
			t.Fatalf("%q was read as %v %v, and in pieces as %v %v", octets, whole, err, pieces, pieceErr)
		case whole.length >= 0 && int64(len(whole.body)) > whole.length, whole.length > int64(len(whole.body)) && err == nil:
			t.Fatalf("%q has a body of %d octets, of %d", octets, len(whole.body), whole.length)
		case err == nil && (whole.status < 200 || whole.status > 599 || whole.header["Transfer-Encoding"] != nil):
			t.Fatalf("%q was read as %v", octets, whole)
		case err != nil:
			return
		}
		status, body, err := receiveStandard(method, bytes.NewReader(octets))
		if err == nil && (status != whole.status || body != whole.body) {
			t.Fatalf("%q was read as %v, and by net/http as %d %q", octets, whole, status, body)
		}
	})
}

// The seeds of the fuzzer pass it when most are refused; these are not.
func TestRepliesThatAreRead(t *testing.T) {
	for octets, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n":              "{}",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 400 Bad Request\r\n\r\n{}":                    "{}",
		"HTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nA: b\r\n\r\n": "{}",
	} {
		for _, r := range []io.Reader{strings.NewReader(octets), iotest.OneByteReader(strings.NewReader(octets))} {
			if got, err := receive(http.MethodPost, r); err != nil || got.body != want {
				t.Errorf("%q was read as %v %v", octets, got, err)
			}
		}
	}
}
