package main

import (
	"io"
	"math"
	"slices"
)

// mostFields is how many lines the header of a request may have after the first, and so
// how many field values. Each costs some hundred bytes in addition to its own: 16 KiB of
// short ones would hold half a megabyte until the request is answered.
const mostFields = 128

// arrival reads requests from a connection. It lets net/http, which has no limit of its
// own for them, read no header of more lines than [mostFields]. It delivers a header and
// what follows it separately, so that it sees where the next header begins.
type arrival struct {
	body  int64  // bytes of the body that are still to come
	early []byte // what arrived together with the end of a header
	lines int    // of the header that is arriving, the first one included
	line  int    // bytes of the line that is arriving; a CR at its beginning does not count
	over  bool   // the header has too many lines
	other bool   // what follows is another protocol
}

// endless stands for the length of a body in chunks, which no header follows.
const endless = math.MaxInt64

// read reads what arrived early, or from the connection.
func (a *arrival) read(from io.Reader, p []byte) (n int, err error) {
	if a.body > 0 && int64(len(p)) > a.body {
		p = p[:a.body]
	}
	switch {
	case a.over:
		return lengthen(p), nil
	case len(a.early) > 0:
		n = copy(p, a.early)
		a.early = a.early[n:]
	default:
		n, err = from.Read(p)
	}
	if a.body > 0 {
		if a.body != endless {
			a.body -= int64(n)
		}
		return n, err
	}
	end := a.scan(p[:n])
	if end < n { // an error comes again when all has been delivered
		a.early, err = slices.Concat(p[end:n], a.early), nil
	}
	return end, err
}

// watches reports whether a read into p is the one by which net/http notices, while it
// answers a request, that the client leaves. It is of a single byte, and net/http does not
// read again before the response has ended if it gets one. A buffer of 4 KiB takes the
// rest.
func (a *arrival) watches(p []byte) bool {
	return len(p) == 1 && a.lines == 0 && a.line == 0 && !a.other
}

// scan counts the lines of a header, and returns how much of p belongs to it. It
// overwrites what follows the last line that a header may have.
func (a *arrival) scan(p []byte) int {
	for i, b := range p {
		switch {
		case b == '\n' && a.line == 0 && a.lines == 0: // an empty line in front of a request
		case b == '\n' && a.line == 0:
			a.lines = 0
			return i + 1
		case b == '\n' && a.lines > mostFields:
			a.over = true
			return i + lengthen(p[i:])
		case b == '\n':
			a.lines, a.line = a.lines+1, 0
		case b != '\r' || a.line > 0:
			a.line++
		}
	}
	return len(p)
}

// lengthen makes p a part of a line that is longer than net/http allows, so that net/http
// answers 431 and closes the connection, as it does after any other header that is too
// large.
func lengthen(p []byte) int {
	for i := range p {
		p[i] = 'x'
	}
	return len(p)
}
