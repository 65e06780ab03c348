package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthgw/proxy"
)

// What is just within a bound passes, and what is just beyond it does not.
func TestBounds(t *testing.T) {
	for status, want := range map[int]int{200: 200, 299: 299, 300: 502, 399: 502, 400: 400, 599: 599, 600: 502, 199: 502} {
		if w := answering(t, status, http.Header{}, "x", ""); w.Code != want {
			t.Errorf("status %d: got %d, want %d", status, w.Code, want)
		}
	}
	for size, want := range map[int]int{1 << 20: 200, 1<<20 + 1: 502} {
		if w := answering(t, 200, http.Header{}, strings.Repeat("x", size), ""); w.Code != want {
			t.Errorf("a reply of %d octets: got %d, want %d", size, w.Code, want)
		}
	}
	for size, want := range map[int]int{64 << 10: 200, 64<<10 + 1: 413} {
		for _, length := range []int64{int64(size), -1} {
			h := endpointOver(t, func(r *http.Request) (*http.Response, error) { return respond(r, 200, http.Header{}, tokenAnswer), nil })
			body := "assertion="
			r := httptest.NewRequest("POST", "/oauth2/tokens", strings.NewReader(body+strings.Repeat("x", size-len(body))))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.ContentLength = length
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("a body of %s: got %d, want %d", fmt.Sprint(size, length), w.Code, want)
			}
		}
	}
}

// The header of a response on other paths is bounded too.
func TestA171LargeResponseHeaders(t *testing.T) {
	for size, want := range map[int]int{60 << 10: 200, 70 << 10: 502} {
		p := startProvider(t, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"+strings.Repeat("X-A: "+strings.Repeat("x", 993)+"\r\n", size/1000)+"\r\n"))
		h := passthroughOver("http://"+p.Addr().String(), proxy.NewPassthroughTransport("", nil), io.Discard)
		w := serve(h, "GET", "/", "", nil)
		if w.Code != want {
			t.Errorf("%d bytes: got %d, want %d", size, w.Code, want)
		}
	}
}
