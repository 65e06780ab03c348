package proxy_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthgw/metrics"
	"oauthgw/proxy"
)

// Where the program fails as it reads a reply, the reply is closed all the same: it
// holds a place at the provider. What became of the request is told.
func TestPanicClosesTheReply(t *testing.T) {
	f, reply := &front{metrics: metrics.New(metrics.Build{}), log: new(bytes.Buffer)}, &panicking{}
	var outcome string
	h := newHandler(t, "http://127.0.0.1:1", f, func(c *proxy.Config) {
		c.Transport = reply
		c.OnDecision = func(_ context.Context, d proxy.Decision) { outcome = d.Outcome }
	})
	r := httptest.NewRequest(http.MethodPost, "/oauth2/tokens", strings.NewReader(tokenForm))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	defer func() {
		if recover() == nil || !reply.closed || outcome != "panic" {
			t.Errorf("closed %v, told %q", reply.closed, outcome)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// panicking is a way to the provider, and a reply at which the program fails.
type panicking struct{ closed bool }

// RoundTrip implements [http.RoundTripper].
func (p *panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: p, ContentLength: -1, Request: r}, nil
}

// Read implements [io.Reader].
func (p *panicking) Read([]byte) (int, error) { panic("canary") }

// Close implements [io.Closer].
func (p *panicking) Close() error { p.closed = true; return nil }
