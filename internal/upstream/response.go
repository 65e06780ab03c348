package upstream

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strconv"
	"strings"
)

// What makes a reply one that cannot be trusted to end where it seems to.
var (
	errStatusLine = errors.New("the reply does not begin with a status line of HTTP/1.1")
	errStatus     = errors.New("the reply has a status that no request asked for")
	errInterim    = errors.New("the reply did not come after many interim ones")
	errHeader     = errors.New("the header of the reply is too large, or ends early")
	errFraming    = errors.New("the reply does not say beyond doubt where it ends")
)

// mostInterim bounds the interim replies (RFC 9110 section 15.2) before a reply.
const mostInterim = 1 << 10

// readReply reads the head of the reply to a request. Its body reads the rest.
// Close says that the connection ends with it.
func (c *connection) readReply(r *http.Request, largestHeader int) (*http.Response, error) {
	for range mostInterim {
		c.limit.N = int64(largestHeader)
		resp, err := readHead(c.in)
		c.limit.N = math.MaxInt64
		if err != nil {
			return nil, err
		}
		// What an interim reply announces has not been checked, so it ends here. A
		// switch of protocols was never asked for.
		if resp.StatusCode >= 200 {
			resp.Request = r
			return resp, frame(resp, c.in)
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return nil, errStatus
		}
	}
	return nil, errInterim
}

// readHead reads a status line and a header.
func readHead(in *bufio.Reader) (*http.Response, error) {
	text := textproto.NewReader(in)
	line, err := text.ReadLine()
	if err != nil {
		return nil, err
	}
	resp, err := parseStatusLine(line)
	if err != nil {
		return nil, err
	}
	header, err := text.ReadMIMEHeader()
	if err != nil {
		// Its text holds what the server sent.
		return nil, errHeader
	}
	resp.Header = http.Header(header)
	return resp, nil
}

// parseStatusLine reads a status line (RFC 9112 section 4).
func parseStatusLine(line string) (*http.Response, error) {
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	resp := &http.Response{Proto: version, ProtoMajor: 1}
	switch version {
	case "HTTP/1.1":
		resp.ProtoMinor = 1
	case "HTTP/1.0":
	default:
		return nil, errStatusLine
	}
	status, err := strconv.ParseUint(code, 10, 16)
	if err != nil || len(code) != 3 {
		return nil, errStatusLine
	}
	if status < 100 || status > 599 {
		return nil, errStatus
	}
	resp.StatusCode, resp.Status = int(status), rest
	return resp, nil
}

// frame gives a reply its body: as long as the reply says, once and in one way
// (RFC 9112 section 6.3).
func frame(resp *http.Response, in *bufio.Reader) error {
	chunked, length := resp.Header["Transfer-Encoding"], resp.Header["Content-Length"]
	delete(resp.Header, "Transfer-Encoding")
	resp.Close = closes(resp)
	resp.ContentLength = -1
	switch {
	case resp.Request.Method == http.MethodHead, resp.StatusCode == http.StatusNoContent, resp.StatusCode == http.StatusNotModified:
		resp.Body, resp.ContentLength = http.NoBody, 0
	case len(chunked) > 0 && (len(chunked) > 1 || len(length) > 0 || resp.ProtoMinor == 0 || !strings.EqualFold(chunked[0], "chunked")):
		return errFraming
	case len(chunked) > 0:
		resp.Body = io.NopCloser(&chunks{in, httputil.NewChunkedReader(in)})
	case len(length) > 0:
		n, err := strconv.ParseUint(length[0], 10, 62)
		if err != nil || len(length) > 1 {
			return errFraming
		}
		resp.Body, resp.ContentLength = io.NopCloser(&counted{in, int64(n)}), int64(n)
	default: // it ends with the connection
		resp.Body, resp.Close = io.NopCloser(in), true
	}
	return nil
}

// closes reports whether the server ends the connection behind a reply (RFC 9112
// section 9.3).
func closes(resp *http.Response) bool {
	options := strings.ToLower(strings.Join(resp.Header["Connection"], ","))
	return resp.ProtoMinor == 0 || strings.Contains(options, "close")
}

// counted is a body of a length.
type counted struct {
	in   io.Reader
	left int64
}

// Read implements [io.Reader].
func (b *counted) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	switch {
	case b.left == 0:
		err = io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// chunks is a body in chunks (RFC 9112 section 7.1). Its trailer is left out.
type chunks struct {
	in      *bufio.Reader
	content io.Reader
}

// mostTrailer bounds the lines of a trailer.
const mostTrailer = 64

// Read implements [io.Reader].
func (b *chunks) Read(p []byte) (int, error) {
	n, err := b.content.Read(p)
	if err != io.EOF {
		return n, err
	}
	for range mostTrailer {
		line, err := b.in.ReadSlice('\n')
		if err != nil {
			return n, fmt.Errorf("%w: %w", errFraming, err)
		}
		if len(line) <= len("\r\n") && strings.TrimRight(string(line), "\r\n") == "" {
			return n, io.EOF
		}
	}
	return n, errFraming
}
