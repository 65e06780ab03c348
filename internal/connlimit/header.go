package connlimit

import (
	"io"
	"slices"
)

// MaxHeaderFields is the most lines after the request line. net/http allocates for each.
const MaxHeaderFields = 128

// headerLimiter reads requests for net/http, which does not limit the number of header fields. It
// returns a header and what follows in separate reads, to see where the next header begins.
type headerLimiter struct {
	body     int64  // bytes still to arrive; negative: the body is chunked and is not scanned for a header
	rest     []byte // what arrived together with the end of a header
	lines    int    // complete lines of the current header, including the request line
	line     int    // bytes of the current line, not counting a leading CR
	exceeded bool   // the header has too many lines
	raw      bool   // another protocol, or TLS that net/http decrypts, which is not scanned
}

// read returns bytes left over from the last read, or else reads from the connection.
func (h *headerLimiter) read(from io.Reader, p []byte) (n int, err error) {
	if h.body > 0 && int64(len(p)) > h.body {
		p = p[:h.body]
	}
	switch {
	case h.exceeded: // an endless line, to which net/http responds with 431
		for i := range p {
			p[i] = 'x'
		}
		return len(p), nil
	case len(h.rest) > 0:
		n = copy(p, h.rest)
		h.rest = h.rest[n:]
	default:
		n, err = from.Read(p)
	}
	switch {
	case h.raw, h.body < 0:
		return n, err
	case h.body > 0:
		h.body -= int64(n)
		return n, err
	}
	end := h.scan(p[:n])
	if end < n { // the connection returns the error again once rest is empty
		h.rest, err = slices.Concat(p[end:n], h.rest), nil
	}
	return end, err
}

// isBackgroundRead reports whether a read into p is the background read with which net/http
// detects that the client disconnects while a handler runs. net/http reads a single byte
// and, if it gets one, does not read again until the response has ended.
func (h *headerLimiter) isBackgroundRead(p []byte) bool {
	return len(p) == 1 && h.lines == 0 && h.line == 0 && !h.raw
}

// scan counts the lines of a header and returns how much of p belongs to it. If the header
// has too many, scan overwrites the newline and sets exceeded, and read discards the rest.
func (h *headerLimiter) scan(p []byte) int {
	for i, b := range p {
		switch {
		case b == '\n' && h.line == 0 && h.lines == 0: // an empty line in front of a request
		case b == '\n' && h.line == 0:
			h.lines = 0
			return i + 1
		case b == '\n' && h.lines > MaxHeaderFields:
			h.exceeded = true
			p[i] = 'x'
			return i + 1
		case b == '\n':
			h.lines, h.line = h.lines+1, 0
		case b != '\r' || h.line > 0:
			h.line++
		}
	}
	return len(p)
}
