package faultprovider

import "time"

// connections end when that is least welcome.
func connections() []Fault {
	return []Fault{
		{"close-on-accept", "closes a connection as soon as it is there", "R3", OnConnect, func(x *exchange) { x.hangUp() }},
		{"close-after-request", "reads the request and closes without a reply", "R3", OnPost, func(x *exchange) { x.hangUp() }},
		{"reset-after-request", "reads the request and resets the connection", "R3", OnPost, func(x *exchange) { x.reset() }},
		{"half-close", "ends its sending side without a reply and goes on reading", "R3", OnPost, func(x *exchange) {
			if t, ok := x.Conn.(interface{ CloseWrite() error }); ok {
				_ = t.CloseWrite()
			}
			x.fallSilent()
		}},
		{"close-idle", "answers well and closes an interval later, whatever has come by then", "R3", OnPost, closeIdle},
	}
}

// closeIdle answers and then takes the connection away from under the next
// request: one that comes within the interval is read, and remembered, for it
// has arrived, but not answered.
func closeIdle(x *exchange) {
	x.answer(x.honest())
	_ = x.SetReadDeadline(time.Now().Add(x.provider.config.Interval))
	if next, err := x.read(); err == nil {
		x.provider.note(next, "close-idle")
	}
	x.hangUp()
}
