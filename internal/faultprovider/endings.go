package faultprovider

import "fmt"

// endings leave a reply before it is whole.
func endings() []Fault {
	return []Fault{
		{"truncated", "sends half of the body that it announced, and closes", "75", OnPost, func(x *exchange) {
			sayHalf(x)
			x.hangUp()
		}},
		{"truncated-header", "closes in the middle of the header", "75", OnPost, func(x *exchange) {
			head := x.honest().head("HTTP/1.1", "Content-Length: 100")
			x.say(head[:len(head)/2])
			x.hangUp()
		}},
		{"truncated-chunks", "sends half of the body in a chunk, and closes without a last one", "75", OnPost, func(x *exchange) {
			r := x.honest()
			x.say(r.head("HTTP/1.1", "Transfer-Encoding: chunked"), fmt.Sprintf("%x\r\n%s\r\n", r.body.Len()/2, half(r)))
			x.hangUp()
		}},
		{"reset-in-body", "sends half of the body that it announced, and resets the connection", "75", OnPost, func(x *exchange) {
			sayHalf(x)
			x.reset()
		}},
		{"half-json", "sends half of the body without announcing a length, and closes", "76", OnPost, func(x *exchange) {
			r := x.honest()
			x.say(r.head("HTTP/1.1", "Connection: close"), half(r))
			x.hangUp()
		}},
	}
}
