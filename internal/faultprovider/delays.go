package faultprovider

import "fmt"

// delays make the other end wait.
func delays() []Fault {
	return []Fault{
		{"silence", "reads the request and never answers", "74", OnPost, (*exchange).fallSilent},
		{"slow-header", "sends the header octet by octet, one for each interval", "74", OnPost, func(x *exchange) {
			r := x.honest()
			x.drip(r.head("HTTP/1.1", fmt.Sprintf("Content-Length: %d", r.body.Len())))
			x.say(r.body.String())
		}},
		{"slow-body", "sends the body octet by octet, one for each interval", "74", OnPost, dripBody},
		{"stalled-body", "sends the header and half of the body, and falls silent", "74", OnPost, func(x *exchange) {
			sayHalf(x)
			x.fallSilent()
		}},
	}
}

func dripBody(x *exchange) {
	r := x.honest()
	x.say(r.head("HTTP/1.1", fmt.Sprintf("Content-Length: %d", r.body.Len())))
	x.drip(r.body.String())
}

// sayHalf says a reply whose length is announced, and half of it.
func sayHalf(x *exchange) {
	r := x.honest()
	x.say(r.head("HTTP/1.1", fmt.Sprintf("Content-Length: %d", r.body.Len())), half(r))
}

// half returns the first half of a body. Of a token response it ends within the
// access token or behind it.
func half(r *reply) string { return r.body.String()[:r.body.Len()/2] }
