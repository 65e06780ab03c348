package upstream

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	benchBody     = "grant_type=client_credentials&client_id=client&client_secret=secret"
	benchResponse = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 54\r\nContent-Type: application/json\r\n" +
		"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n" + `{"access_token":"x","token_type":"Bearer","scope":"a"}`
)

func benchRequest(tb testing.TB) *http.Request {
	r, err := http.NewRequestWithContext(tb.Context(), "POST", "http://login.example.com/oauth2/token", http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	r.Header = http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "Content-Type": {"application/x-www-form-urlencoded"},
		"User-Agent": {"client/1.0"}, "X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Host": {"login.example.com"},
		"X-Forwarded-Proto": {"https"}, "X-Request-Id": {"0123456789abcdef"},
	}
	return r
}

// serveBench starts a server that allocates nothing for a request. It takes each read for a request.
func serveBench(tb testing.TB) *url.URL {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in, out := make([]byte, 4096), []byte(benchResponse)
				for {
					if _, err := c.Read(in); err != nil {
						return
					}
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: l.Addr().String()}
}

func BenchmarkRoundTrip(b *testing.B) {
	transport := New(Config{Server: serveBench(b)})
	defer transport.CloseIdleConnections()
	r, body, response := benchRequest(b), strings.NewReader(""), make([]byte, 512)
	r.Body, r.ContentLength = io.NopCloser(body), int64(len(benchBody))
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(benchBody)
		resp, err := transport.RoundTrip(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, response); err != io.ErrUnexpectedEOF { // at the end of the body
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}

func BenchmarkEncode(b *testing.B) {
	r, body := benchRequest(b), strings.NewReader("")
	r.Body, r.ContentLength = io.NopCloser(body), int64(len(benchBody))
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(benchBody)
		if _, err := encode(r); err != nil {
			b.Fatal(err)
		}
	}
}
