package submission

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
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
		message, err := encode(r)
		if err != nil {
			b.Fatal(err)
		}
		forget(message)
	}
}
