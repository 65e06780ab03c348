package faultprovider

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// exchange is a request and the connection on which it is answered.
type exchange struct {
	*connection
	request *http.Request // nil before the first
	body    []byte
	form    url.Values
}

// say writes to the connection as it is told. Whoever is gone hears nothing.
func (x *exchange) say(parts ...string) {
	for _, part := range parts {
		if _, err := io.WriteString(x, part); err != nil {
			x.hangUp()
			return
		}
	}
}

// drip says a text octet by octet.
func (x *exchange) drip(text string) {
	for i := range len(text) {
		x.say(text[i : i+1])
		if !x.pause(x.provider.config.Interval) {
			return
		}
	}
}

// pour says a text again and again, until the volume is reached or nobody
// listens.
func (x *exchange) pour(text string) {
	for rest := x.provider.config.LargeSize; rest > 0 && x.life.Err() == nil; rest -= int64(len(text)) {
		x.say(text[:min(int64(len(text)), rest)])
	}
}

// pause waits, and reports whether the connection still stands.
func (x *exchange) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-x.life.Done():
		return false
	}
}

// fallSilent says nothing until the other end leaves or patience ends, and then
// closes.
func (x *exchange) fallSilent() {
	_, _ = io.Copy(io.Discard, x.reader)
	x.hangUp()
}

// reply is an answer that can still be spoilt.
type reply struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *reply) Header() http.Header            { return r.header }
func (r *reply) WriteHeader(status int)         { r.status = status }
func (r *reply) Write(text []byte) (int, error) { return r.body.Write(text) }

// honest returns the answer that a well-behaved provider gives.
func (x *exchange) honest() *reply {
	r := &reply{status: http.StatusOK, header: http.Header{}}
	x.request.Body = io.NopCloser(bytes.NewReader(x.body))
	x.provider.serve(r, x.request)
	return r
}

// answer says a reply as it should be said.
func (x *exchange) answer(r *reply) {
	x.say(r.head("HTTP/1.1", fmt.Sprintf("Content-Length: %d", r.body.Len())))
	if x.request.Method != http.MethodHead {
		x.say(r.body.String())
	}
}

// head returns the head of a reply under a version, with the fields that the
// framing needs.
func (r *reply) head(version string, framing ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %s\r\n", version, r.status, http.StatusText(r.status))
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		for _, value := range r.header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	for _, field := range framing {
		b.WriteString(field + "\r\n")
	}
	return b.String() + "\r\n"
}

// whole returns a reply that is framed as it should be.
func whole(status, body string, fields ...string) string {
	head := "HTTP/1.1 " + status + "\r\n"
	for _, field := range fields {
		head += field + "\r\n"
	}
	return head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

const (
	typeJSON = "Content-Type: application/json"
	typeHTML = "Content-Type: text/html; charset=utf-8"
)

// says is what answers every request with the same text.
func says(text string) func(*exchange) {
	return func(x *exchange) { x.say(text) }
}
