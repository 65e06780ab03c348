package upstream_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// Whatever a server answers, it is asked once, and only a reply that is framed
// beyond doubt is taken from it.
func TestReplies(t *testing.T) {
	const large = 40 << 10
	for name, test := range map[string]struct {
		octets string
		want   string // status and body; empty: an error
		reused bool
	}{
		"a length":                      {ok, "200 {}", true},
		"no reason":                     {"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", "200 {}", true},
		"an empty body":                 {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "400 ", true},
		"no content":                    {"HTTP/1.1 204 No Content\r\n\r\n", "204 ", true},
		"chunks":                        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", "200 {}", true},
		"chunks and a trailer":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n", "200 {}", true},
		"until the end":                 {"HTTP/1.1 200 OK\r\n\r\n{}", "200 {}", false},
		"the old version":               {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "200 {}", false},
		"a last reply":                  {"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\n{}", "200 {}", false},
		"interim replies":               {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nSet-Cookie: a=b\r\n\r\n" + ok, "200 {}", true},
		"many of them":                  {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 1<<10) + ok, "", false},
		"another protocol":              {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n", "", false},
		"another protocol and a reply":  {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + ok, "", false},
		"a large header":                {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", large) + "\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"many fields":                   {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", large/6) + "Content-Length: 2\r\n\r\n{}", "", false},
		"an endless status line":        {strings.Repeat("x", large), "", false},
		"an octet of nothing":           {"HTTP/1.1 200 OK\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a field without a colon":       {"HTTP/1.1 200 OK\r\nX\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a length and chunks":           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"two codings":                   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"chunks of the old version":     {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "", false},
		"a length twice":                {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a list of lengths":             {"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}", "", false},
		"a length with a sign":          {"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}", "", false},
		"a length below nothing":        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}", "", false},
		"a length beyond numbers":       {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n{}", "", false},
		"a short body":                  {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", "", false},
		"short chunks":                  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "", false},
		"chunks without their end":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "", false},
		"a chunk of no size":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n", "", false},
		"an endless trailer":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + strings.Repeat("X: y\r\n", 100) + "\r\n", "", false},
		"a status below all":            {"HTTP/1.1 099 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a status above all":            {"HTTP/1.1 600 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a status of four digits":       {"HTTP/1.1 1000 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"a status with a sign":          {"HTTP/1.1 +20 ?\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"another version":               {"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "", false},
		"another program":               {"SSH-2.0-OpenSSH_9.2\r\n", "", false},
		"nothing":                       {"", "", false},
		"half a head":                   {"HTTP/1.1 200 OK\r\nContent-", "", false},
		"a reply that nobody asked for": {ok + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nothers", "200 {}", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(test.octets, strings.HasPrefix(test.want, "200") && !strings.HasPrefix(name, "until") || test.want != ""))
			if name == "until the end" {
				s = serve(t, says(test.octets, false))
			}
			transport := s.transport(t, nil)
			status, body, err := ask(transport, post(t, t.Context(), "code=1"))
			got := ""
			if err == nil {
				got = fmt.Sprintf("%d %s", status, body)
			}
			if got != test.want || s.requests.Load() != 1 {
				t.Errorf("%q, %v, asked %d times", got, err, s.requests.Load())
			}
			if err != nil && strings.Contains(err.Error(), "OpenSSH") {
				t.Errorf("the error holds what the server sent: %v", err)
			}
			if test.want == "" {
				return
			}
			second, _, err := ask(transport, post(t, t.Context(), "code=2"))
			if err != nil || second != status {
				t.Errorf("the second time: %d %v", second, err)
			}
			if reused := s.connections.Load() == 1; reused != test.reused {
				t.Errorf("reused: %v", reused)
			}
		})
	}
}

// The error that the body of a response ended with stays: io.EOF would say that it is
// whole.
func TestBrokenBodyStaysBroken(t *testing.T) {
	for name, end := range map[string]func(io.ReadCloser){
		"read to its end": func(body io.ReadCloser) { _, _ = io.ReadAll(body) },
		"closed before":   func(body io.ReadCloser) { _ = body.Close() },
	} {
		s := serve(t, says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", false))
		resp, err := s.transport(t, nil).RoundTrip(post(t, t.Context(), "a"))
		if err != nil {
			t.Fatal(err)
		}
		end(resp.Body)
		if n, err := resp.Body.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("%s: then %d %v", name, n, err)
		}
	}
}
