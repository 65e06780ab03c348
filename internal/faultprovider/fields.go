package faultprovider

import (
	"fmt"
	"strings"
)

const stackTrace = "<!DOCTYPE html>\n<title>500</title>\n<pre>panic: runtime error\n" +
	"goroutine 17 [running]:\nmain.(*tokens).issue(0x0)\n\t/srv/provider/tokens.go:42 +0x1d</pre>\n"

// fields are too large, too many, or say what a client or a log should not be
// told.
func fields() []Fault {
	return []Fault{
		{"large-header", "sends a header field of 9 MB", "82", OnPost, withFields(func() string {
			return "X-Odd: " + strings.Repeat("x", 9<<20) + "\r\n"
		})},
		{"many-fields", "sends 10,000 header fields", "82", OnPost, withFields(func() string {
			var b strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&b, "X-Odd-%d: x\r\n", i)
			}
			return b.String()
		})},
		{"chatty", "sets a cookie and tells its software and its HSTS with the reply", "83", OnPost, func(x *exchange) {
			r := x.honest()
			r.header.Set("Set-Cookie", "session=1; Path=/")
			r.header.Set("Server", "Hostile/1.0")
			r.header.Set("Strict-Transport-Security", "max-age=31536000")
			x.answer(r)
		}},
		{"html-500", "answers with status 500 and a stack trace in HTML", "83", OnPost,
			says(whole("500 Internal Server Error", stackTrace, typeHTML))},
		{"storable", "allows everyone to store the reply", "84", OnPost, func(x *exchange) {
			r := x.honest()
			r.header.Set("Cache-Control", "public, max-age=3600")
			x.answer(r)
		}},
		{"echoed-secret", "puts the client's secret into error_description", "85", OnPost, func(x *exchange) {
			r := &reply{header: map[string][]string{}}
			writeRefusal(r, 400, "invalid_request", "The secret "+x.form.Get("client_secret")+" does not look well")
			x.answer(r)
		}},
	}
}

// withFields is what answers well with more fields, which it makes when they
// are needed, as they are large.
func withFields(more func() string) func(*exchange) {
	return func(x *exchange) {
		r := x.honest()
		head := r.head("HTTP/1.1", fmt.Sprintf("Content-Length: %d", r.body.Len()))
		x.say(strings.TrimSuffix(head, "\r\n"), more(), "\r\n", r.body.String())
	}
}
