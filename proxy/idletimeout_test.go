package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestA170ResponseThatBeginsEarly checks that an upload goes on while its response is sent.
// Net/http would read and close its body when the response begins.
func TestA170ResponseThatBeginsEarly(t *testing.T) {
	sent := strings.Repeat("x", 5000)
	front := httptest.NewServer(passthroughOver("http://provider.example",
		roundTripper(func(r *http.Request) (*http.Response, error) {
			body, w := io.Pipe()
			go func() {
				_, _ = io.WriteString(w, "begin ")
				text, err := io.ReadAll(r.Body)
				_, _ = w.Write(text)
				_ = w.CloseWithError(err)
			}()
			return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: -1, Body: body, Request: r}, nil
		})))
	defer front.Close()
	resp, err := http.Post(front.URL, "application/json", strings.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "begin "+sent || !resp.Close {
		t.Errorf("got %d bytes, %v, last on its connection: %v", len(text), err, resp.Close)
	}
}
