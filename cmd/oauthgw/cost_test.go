package main

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"oauthgw/metrics"
)

// What an exchange costs the gateway, from the server's handler to the socket of the
// provider and back.

// lean is a provider that reads requests and answers each with the same bytes.
func lean(b *testing.B, reply string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answerAlways(c, reply)
		}
	}()
	return "http://" + l.Addr().String()
}

func answerAlways(c net.Conn, reply string) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		length := 0
		for {
			line, err := in.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 {
				break
			}
			if name, value, _ := strings.Cut(string(line), ":"); strings.EqualFold(name, "Content-Length") {
				length, _ = strconv.Atoi(strings.TrimSpace(value))
			}
		}
		_, _ = in.Discard(length)
		if _, err := c.Write([]byte(reply)); err != nil {
			return
		}
	}
}

type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header         { return d.header }
func (d *discarded) WriteHeader(status int)      { d.status = status }
func (d *discarded) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkExchange(b *testing.B) {
	body := `{"access_token":"` + strings.Repeat("a", 700) + `","token_type":"Bearer","expires_in":3600,"refresh_token":"` + strings.Repeat("r", 43) + `"}`
	upstream := lean(b, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nPragma: no-cache\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body)
	c := defaults()
	c.Upstream.URL, c.Listen, c.Admin.Listen, c.Endpoints = upstream, "127.0.0.1:0", "127.0.0.1:0", map[string]string{"token": "/oauth2/token"}
	c.ClientAuth.Realm = "a"
	s, mistakes := c.compile(&source{})
	if len(mistakes) > 0 {
		b.Fatal(mistakes)
	}
	log := newSink(io.Discard, s.logHandler, func() {})
	live, err := newLive(s, observers{newLog: func(s settings) *slog.Logger { return newLog(s, log) }, metrics: metrics.New(build()), decisions: &decisions{}})
	if err != nil {
		b.Fatal(err)
	}
	h := identified(live)
	form := "grant_type=authorization_code&code=" + strings.Repeat("c0de", 12) + "&redirect_uri=http%3A%2F%2F127.0.0.1%3A43123%2Fcallback&code_verifier=" + strings.Repeat("v", 64)
	b.ReportAllocs()
	for b.Loop() {
		r, _ := http.NewRequest("POST", "/oauth2/token", strings.NewReader(form))
		r.Host, r.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:1234"
		r.Header = http.Header{"Authorization": {"Basic NWY5YzRhYjA4Y2FjNzQ1NzpzZWNyZXRzZWNyZXRzZWNyZXRzZWNyZXRzZWNyZXQ="}, "Content-Type": {"application/x-www-form-urlencoded"}, "Content-Length": {strconv.Itoa(len(form))}, "Accept": {"application/json"}, "User-Agent": {"bench/1"}}
		w := &discarded{header: http.Header{}}
		h.ServeHTTP(w, r)
		if w.status != 200 {
			b.Fatal(w.status)
		}
	}
}
