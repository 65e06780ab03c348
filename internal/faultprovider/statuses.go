package faultprovider

import "strings"

// ForeignOrigin is the origin that redirects and documents lead to. It has no
// address (RFC 6761 section 6.4).
const ForeignOrigin = "https://elsewhere.invalid"

// statuses are those that an endpoint never has, and interim ones.
func statuses() []Fault {
	redirects := func(name, status string) Fault {
		return Fault{name, "answers with a " + name[len("redirect-"):] + " to another origin", "77", OnPost,
			says(whole(status, "", "Location: "+ForeignOrigin+"/steal"))}
	}
	odd := func(number string) Fault {
		return Fault{"status-" + number, "answers with status " + number, "78", OnPost,
			says(whole(number+" Odd", `{"access_token":"`+TokenPrefix+`odd","token_type":"Bearer"}`, typeJSON))}
	}
	return []Fault{
		redirects("redirect-302", "302 Found"),
		redirects("redirect-307", "307 Temporary Redirect"),
		redirects("redirect-308", "308 Permanent Redirect"),
		odd("099"), odd("600"), odd("999"), odd("1000"),
		{"status-101", "switches to a protocol that nobody asked for", "78", OnPost,
			says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")},
		{"status-204", "answers with status 204 and nothing", "78", OnPost, says("HTTP/1.1 204 No Content\r\n\r\n")},
		{"status-205", "answers with status 205 and nothing", "78", OnPost, says(whole("205 Reset Content", ""))},
		{"interim-storm", "sends a thousand interim replies before the reply", "79", OnPost,
			before(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000))},
		{"early-hints", "sends a 103 with Set-Cookie and Link before the reply", "79", OnPost,
			before("HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1\r\nLink: </x>; rel=preload\r\n\r\n")},
	}
}

// before is what says a text and then answers well.
func before(text string) func(*exchange) {
	return func(x *exchange) {
		x.say(text)
		x.answer(x.honest())
	}
}
