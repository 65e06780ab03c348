package faultprovider

import (
	"fmt"
	"strings"
)

// ForeignOrigin is the origin of redirects and of foreign endpoints. It has no address (RFC
// 6761 section 6.4).
const ForeignOrigin = "https://elsewhere.invalid"

const (
	invalidClient = `{"error":"invalid_client"}`
	stackTrace    = "<!DOCTYPE html>\n<title>500</title>\n<pre>panic: runtime error\n" +
		"goroutine 17 [running]:\nmain.(*tokens).issue(0x0)\n\t/srv/provider/tokens.go:42 +0x1d</pre>\n"
)

// rejections are invalid_client errors that parsers may read differently.
func rejections() []Fault {
	rejection := func(name, description, status, body string) Fault {
		return Fault{"invalid-client-" + name, description, "71", OnPost, send(message(status, body, typeJSON))}
	}
	const badRequest = "400 Bad Request"
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	return []Fault{
		{"no-challenge", "rejects the client with a 401 without WWW-Authenticate", "70", OnPost,
			send(message("401 Unauthorized", invalidClient, typeJSON))},
		rejection("400", "rejects the client with status 400", badRequest, invalidClient),
		rejection("403", "rejects the client with status 403", "403 Forbidden", invalidClient),
		rejection("200", "rejects the client with status 200", "200 OK", invalidClient),
		rejection("bom", "sends a byte order mark and invalid_client", badRequest, "\ufeff"+invalidClient),
		rejection("capital", "sends invalid_client in the member Error", badRequest, `{"Error":"invalid_client"}`),
		rejection("duplicate", "sends two errors, invalid_client last", badRequest, `{"error":"invalid_grant","error":"invalid_client"}`),
		rejection("escaped", "escapes a letter of invalid_client", badRequest, `{"error":"invalid\u005fclient"}`),
		rejection("trailing", "sends text after invalid_client", badRequest, invalidClient+` {"access_token":"`+TokenPrefix+`junk"}`),
		rejection("array", "sends invalid_client in an array", badRequest, "["+invalidClient+"]"),
		rejection("deep", "sends arrays nested 10,001 deep beside invalid_client", badRequest, `{"error":"invalid_client","x":`+deep+"}"),
	}
}

// statuses are statuses that an endpoint never has, and interim ones.
func statuses() []Fault {
	redirect := func(number, text string) Fault {
		return Fault{"redirect-" + number, "responds with a " + number + " to another origin", "77", OnPost,
			send(message(number+" "+text, "", "Location: "+ForeignOrigin+"/steal"))}
	}
	odd := func(number string) Fault {
		return Fault{"status-" + number, "responds with status " + number, "78", OnPost,
			send(message(number+" Odd", `{"access_token":"`+TokenPrefix+`odd","token_type":"Bearer"}`, typeJSON))}
	}
	after := func(interim string) func(*connection) {
		return with(func(c *connection, r *response) { c.write(interim); c.respond(r) })
	}
	return []Fault{
		redirect("302", "Found"), redirect("307", "Temporary Redirect"), redirect("308", "Permanent Redirect"),
		odd("099"), odd("600"), odd("999"), odd("1000"),
		{"status-101", "switches protocols without an upgrade request", "78", OnPost,
			send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")},
		{"status-204", "responds with status 204 without a body", "78", OnPost, send("HTTP/1.1 204 No Content\r\n\r\n")},
		{"status-205", "responds with status 205 without a body", "78", OnPost, send(message("205 Reset Content", ""))},
		{"interim-storm", "sends a thousand interim responses first", "79", OnPost,
			after(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 1000))},
		{"early-hints", "sends a 103 with Set-Cookie and Link first", "79", OnPost,
			after("HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1\r\nLink: </x>; rel=preload\r\n\r\n")},
	}
}

// headers are headers that are too large, or that must not reach a client or a log.
func headers() []Fault {
	// The fields are made when they are needed, because they are large.
	adding := func(fields func() string) func(*connection) {
		return with(func(c *connection, r *response) {
			c.write(strings.TrimSuffix(r.head(), "\r\n"), fields(), "\r\n", r.body.String())
		})
	}
	setting := func(pairs ...string) func(*connection) {
		return with(func(c *connection, r *response) {
			for i := 0; i < len(pairs); i += 2 {
				r.header.Set(pairs[i], pairs[i+1])
			}
			c.respond(r)
		})
	}
	return []Fault{
		{"large-header", "sends a header field of 9 MB", "82", OnPost, adding(func() string {
			return "X-Odd: " + strings.Repeat("x", 9<<20) + "\r\n"
		})},
		{"many-fields", "sends 10,000 header fields", "82", OnPost, adding(func() string {
			var b strings.Builder
			for i := range 10_000 {
				fmt.Fprintf(&b, "X-Odd-%d: x\r\n", i)
			}
			return b.String()
		})},
		{"chatty", "sends a cookie, its software and HSTS", "83", OnPost,
			setting("Set-Cookie", "session=1; Path=/", "Server", "Hostile/1.0", "Strict-Transport-Security", "max-age=31536000")},
		{"html-500", "responds with status 500 and a stack trace in HTML", "83", OnPost,
			send(message("500 Internal Server Error", stackTrace, typeHTML))},
		{"storable", "lets caches store the response", "84", OnPost, setting("Cache-Control", "public, max-age=3600")},
		{"echoed-secret", "sends the client's secret in error_description", "85", OnPost, func(c *connection) {
			r := &response{header: map[string][]string{}}
			writeError(r, 400, "invalid_request", "The secret "+c.form.Get("client_secret")+" does not look well")
			c.respond(r)
		}},
	}
}
