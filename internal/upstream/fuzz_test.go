package upstream

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"reflect"
	"testing"
	"testing/iotest"
)

// received is a response with its body.
type received struct {
	status int
	header http.Header
	length int64
	body   string
}

func receive(method string, text io.Reader) (received, error) {
	c := newConn(nil)
	c.limit.R = text
	resp, err := c.readResponse(&http.Request{Method: method})
	if err != nil {
		return received{}, err
	}
	body, err := io.ReadAll(resp.Body)
	return received{resp.StatusCode, resp.Header, resp.ContentLength, string(body)}, err
}

// receiveStandard is receive with net/http.
func receiveStandard(method string, text io.Reader) (status int, body string, err error) {
	in := bufio.NewReader(text)
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

// A response is refused, or read with the length it states and as net/http reads it, in
// whatever pieces it arrives.
func FuzzReadResponse(f *testing.F) {
	for _, text := range []string{
		ok + "HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n",
		"HTTP/1.0 400 Bad Request\r\n\r\n{}",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/2 200\r\n\r\n",
		"HTTP/1.0 100 \n\nHTTP/1.0 200 \n0:0\n\n",
		"HTTP/1.0 200 \nContent-Length:2\n\n0",
		"HTTP/1.1 200 \nTrAnsfer-EnCoding:Chunked\n\n1;\r\n000",
	} {
		f.Add(false, []byte(text))
		f.Add(true, []byte(text))
	}
	f.Fuzz(func(t *testing.T, head bool, text []byte) {
		method := map[bool]string{false: http.MethodPost, true: http.MethodHead}[head]
		whole, err := receive(method, bytes.NewReader(text))
		pieces, pieceErr := receive(method, iotest.OneByteReader(bytes.NewReader(text)))
		switch {
		case !reflect.DeepEqual(whole, pieces) || (err == nil) != (pieceErr == nil):
			t.Fatalf("%q was read as %v %v, and in pieces as %v %v", text, whole, err, pieces, pieceErr)
		case whole.length >= 0 && int64(len(whole.body)) > whole.length, whole.length > int64(len(whole.body)) && err == nil:
			t.Fatalf("%q has a body of %d bytes, of %d", text, len(whole.body), whole.length)
		case err == nil && (whole.status < 200 || whole.status > 599 || whole.header["Transfer-Encoding"] != nil):
			t.Fatalf("%q was read as %v", text, whole)
		case err != nil:
			return
		}
		status, body, err := receiveStandard(method, bytes.NewReader(text))
		if err == nil && (status != whole.status || body != whole.body) {
			t.Fatalf("%q was read as %v, and by net/http as %d %q", text, whole, status, body)
		}
	})
}
