package connlimit

import (
	"io"
	"slices"
)

// MaxHeaderFields is how many lines the header of a request may have after the first one.
// Each costs net/http some hundred bytes in addition to its own.
const MaxHeaderFields = 128

// headerLimiter reads requests for net/http, which does not limit the number of header
// fields. It returns a header and what follows it in separate reads, so that it sees where
// the next header begins.
type headerLimiter struct {
	body     int64  // bytes of the body that are to come; negative: in chunks, which no header follows
	rest     []byte // what arrived together with the end of a header
	lines    int    // of the header that is arriving, the first one included
	line     int    // bytes of the line that is arriving, without a CR at its beginning
	exceeded bool   // the header has too many lines
	raw      bool   // what follows is another protocol, or TLS that net/http reads
}

// read reads what is left of the last read, or from the connection.
func (h *headerLimiter) read(from io.Reader, p []byte) (n int, err error) {
	if h.body > 0 && int64(len(p)) > h.body {
		p = p[:h.body]
	}
	switch {
	case h.exceeded: // a line that is longer than net/http allows, so that it answers 431
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
	if end < n { // an error comes again when everything has been returned
		h.rest, err = slices.Concat(p[end:n], h.rest), nil
	}
	return end, err
}

// isBackgroundRead reports whether a read into p is the one by which net/http notices that
// the client leaves while a handler runs. It reads a single byte, and does not read again
// before the response has ended if it gets one.
func (h *headerLimiter) isBackgroundRead(p []byte) bool {
	return len(p) == 1 && h.lines == 0 && h.line == 0 && !h.raw
}

// scan counts the lines of a header and returns how much of p belongs to it. If it has
// too many, it overwrites the end of the line and what follows is lost.
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
