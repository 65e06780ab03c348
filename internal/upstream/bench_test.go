package upstream

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func BenchmarkEncode(b *testing.B) {
	body := bytes.Repeat([]byte("x"), 300)
	r := &http.Request{Method: "POST", URL: &url.URL{Scheme: "http", Host: "127.0.0.1:3000", Path: "/oauth2/token"}, Host: "127.0.0.1:8080", ContentLength: 300,
		Header: http.Header{
			"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "User-Agent": {"bench/1"},
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"127.0.0.1:8080"}, "X-Forwarded-Proto": {"http"}, "X-Request-Id": {"ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		}}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader(body))
		if _, err := encode(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadResponse(b *testing.B) {
	response := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: 1300\r\n\r\n" +
		strings.Repeat("x", 1300))
	text := bytes.NewReader(response)
	c, r := newConn(nil, nil), &http.Request{Method: "POST"}
	c.limit.R = text
	b.ReportAllocs()
	for b.Loop() {
		text.Reset(response)
		resp, err := c.readResponse(r)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != 1300 || err != nil {
			b.Fatal(n, err)
		}
	}
}
