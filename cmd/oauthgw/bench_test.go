package main

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/authlimit"
	"oauthgw/internal/config"
	"oauthgw/internal/gateway"
	"oauthgw/internal/state"
)

// providerStub is a transport with one response.
type providerStub struct{ body string }

// RoundTrip implements [http.RoundTripper].
func (p providerStub) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	return &http.Response{
		StatusCode: http.StatusOK, ContentLength: int64(len(p.body)), Body: io.NopCloser(strings.NewReader(p.body)),
		Header: http.Header{
			"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Pragma": {"no-cache"},
			"Date": {time.Unix(0, 0).UTC().Format(http.TimeFormat)}, "Content-Length": {strconv.Itoa(len(p.body))},
		},
		Request: r,
	}, nil
}

// clientStub is a response writer that keeps only the status.
type clientStub struct {
	header http.Header
	status int
}

func (c *clientStub) Header() http.Header         { return c.header }
func (c *clientStub) WriteHeader(status int)      { c.status = status }
func (c *clientStub) Write(p []byte) (int, error) { return len(p), nil }

// SetReadDeadline and SetWriteDeadline are for [http.ResponseController].
func (c *clientStub) SetReadDeadline(time.Time) error  { return nil }
func (c *clientStub) SetWriteDeadline(time.Time) error { return nil }

// benchmark measures a request between the server's and the provider's connection, with the
// log, the metrics and the limit of failures.
func benchmark(b *testing.B, provided, method, target, form string) {
	s := testSettings(b, "http://127.0.0.1:3000", func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/oauth2/token"}, "a"
	})
	t, err := newTelemetry(b.Context(), s, io.Discard, io.Discard)
	if err != nil {
		b.Fatal(err)
	}
	defer t.close()
	stub := providerStub{provided}
	g := gateway.New(gateway.Config{
		Settings: s, Metrics: t.metrics, Log: t.log, OnDecision: t.recordDecision,
		Limiter:    authlimit.New(s.ClientAuth.Failures, state.NewMemory()),
		Transports: gateway.Transports{Fronted: stub, Metadata: stub, Passthrough: stub},
	})
	defer g.Close()
	r, _ := http.NewRequestWithContext(b.Context(), method, target, strings.NewReader(form))
	r.Host, r.RemoteAddr, r.RequestURI = "127.0.0.1:8080", "192.0.2.1:1234", target
	r.Header = http.Header{"Accept": {"application/json"}, "User-Agent": {"bench/1"}}
	if form != "" {
		r.Header["Content-Type"] = []string{"application/x-www-form-urlencoded"}
		r.Header["Content-Length"] = []string{strconv.Itoa(len(form))}
		r.Header["Authorization"] = []string{"Basic NWY5YzRhYjA4Y2FjNzQ1NzpzZWNyZXRzZWNyZXRzZWNyZXRzZWNyZXRzZWNyZXQ="}
	}
	b.ReportAllocs()
	for b.Loop() {
		r := r.WithContext(b.Context()) // a copy, whose body is read
		r.Body, _ = r.GetBody()
		w := clientStub{header: http.Header{}}
		g.ServeHTTP(&w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}

func BenchmarkTokenExchange(b *testing.B) {
	benchmark(b, `{"access_token":"`+strings.Repeat("a", 700)+`","token_type":"Bearer","expires_in":3600}`,
		http.MethodPost, "/oauth2/token",
		"grant_type=authorization_code&code="+strings.Repeat("c0de", 12)+"&redirect_uri=http%3A%2F%2F127.0.0.1%3A43123%2Fcallback&code_verifier="+strings.Repeat("v", 64))
}

func BenchmarkMetadata(b *testing.B) {
	benchmark(b, `{"issuer":"http://127.0.0.1:8080","token_endpoint":"http://127.0.0.1:8080/oauth2/token"}`,
		http.MethodGet, "/.well-known/oauth-authorization-server", "")
}

func BenchmarkPassthrough(b *testing.B) {
	benchmark(b, strings.Repeat("x", 1000), http.MethodGet, "/api/v2/users/me", "")
}
