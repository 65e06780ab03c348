package faultprovider

import (
	"fmt"
	"strconv"
)

const banner = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"

// UnsolicitedToken stands in the reply that nobody asked for.
const UnsolicitedToken = TokenPrefix + "unsolicited"

// framings contradict themselves, or are not HTTP/1.1.
func framings() []Fault {
	return []Fault{
		{"length-and-chunks", "sends a Content-Length beside the chunks of the reply", "80", OnPost, sayLengthAndChunks},
		{"two-lengths", "sends two Content-Length fields that differ", "80", OnPost, framed(func(n int) []string {
			return []string{"Content-Length: " + strconv.Itoa(n), "Content-Length: " + strconv.Itoa(n+1)}
		})},
		{"signed-length", "sends a Content-Length with a sign", "80", OnPost, framed(func(n int) []string {
			return []string{"Content-Length: +" + strconv.Itoa(n)}
		})},
		{"nul-in-header", "sends a NUL within a header field", "80", OnPost, framed(func(n int) []string {
			return []string{"X-Odd: a\x00b", "Content-Length: " + strconv.Itoa(n)}
		})},
		{"banner", "answers in another protocol", "80", OnPost, says(banner)},
		{"banner-at-once", "speaks another protocol before it is asked", "80", OnConnect, func(x *exchange) {
			x.say(banner)
			x.fallSilent()
		}},
		{"http-2-status-line", "writes HTTP/2.0 into the status line", "80", OnPost, func(x *exchange) {
			r := x.honest()
			x.say(r.head("HTTP/2.0", "Content-Length: "+strconv.Itoa(r.body.Len())), r.body.String())
		}},
		{"second-reply", "sends a second reply behind the one that was asked for", "81", OnPost, func(x *exchange) {
			r := x.honest()
			// In one piece, so that it is there when the first has been read.
			x.say(r.head("HTTP/1.1", "Content-Length: "+strconv.Itoa(r.body.Len())) + r.body.String() +
				whole("200 OK", `{"access_token":"`+UnsolicitedToken+`","token_type":"Bearer"}`, typeJSON))
		}},
	}
}

// framed is what answers well but for the fields of the framing, which it makes
// from the length of the body.
func framed(fields func(length int) []string) func(*exchange) {
	return func(x *exchange) {
		r := x.honest()
		x.say(r.head("HTTP/1.1", fields(r.body.Len())...), r.body.String())
	}
}

func sayLengthAndChunks(x *exchange) {
	r := x.honest()
	x.say(r.head("HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"),
		fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", r.body.Len(), r.body.String()))
}
