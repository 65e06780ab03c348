package wellknown_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/responserecorder"
	"oauthgw/metrics"
	"oauthgw/wellknown"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	location = "/.well-known/oauth-authorization-server"
	openid   = "/.well-known/openid-configuration"
	document = `{"issuer":"https://gateway.example","token_endpoint":"https://gateway.example/t"}`
)

// provider is a provider inside a synctest bubble: a real server, reached over pipes.
type provider struct {
	handler  atomic.Pointer[http.HandlerFunc]
	requests atomic.Int32

	mu        sync.Mutex
	now, most int // requests at once
}

// newProvider returns a provider that responds by h.
func newProvider(h http.HandlerFunc) *provider {
	p := &provider{}
	p.respond(h)
	return p
}

func (p *provider) respond(h http.HandlerFunc) { p.handler.Store(&h) }

func (p *provider) enter(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now += n
	p.most = max(p.most, p.now)
}

// start serves until the test ends and returns a transport that reaches it.
func (p *provider) start(t *testing.T) http.RoundTripper {
	listener := make(pipes)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		p.enter(1)
		defer p.enter(-1)
		(*p.handler.Load())(w, r)
	})}
	go server.Serve(listener)
	transport := &http.Transport{DisableCompression: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		listener <- far
		return near, nil
	}}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	return transport
}

type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// sends responds with a JSON text.
func sends(text string) http.HandlerFunc { return with("Content-Type", "application/json", text) }

// with responds with a header field and a text.
func with(field, value, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(field, value)
		_, _ = io.WriteString(w, text)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// hang responds never.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// after responds by h after a time.
func after(d time.Duration, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { time.Sleep(d); h(w, r) }
}

// at responds by h at a path and by other elsewhere.
func at(path string, h, other http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			h(w, r)
		} else {
			other(w, r)
		}
	}
}

var paths = map[clientauth.Endpoint]string{clientauth.Token: "/t"}

// handler is a handler for a provider, and what it logs.
type handler struct {
	*wellknown.Handler
	source  *wellknown.Source
	metrics *metrics.Metrics
	log     *bytes.Buffer
	logger  *slog.Logger // to log
}

// newHandler returns a handler with a lifetime of a minute and an hour of staleness.
func newHandler(t *testing.T, p *provider, change ...func(*wellknown.SourceConfig)) handler {
	t.Helper()
	h := handler{metrics: metrics.New(metrics.Build{}), log: &bytes.Buffer{}}
	h.logger = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := wellknown.SourceConfig{Upstream: origin.Of("http://provider.example"), Transport: p.start(t),
		TTL: time.Minute, StaleFor: time.Hour, Entries: 2, Metrics: h.metrics}
	for _, f := range change {
		f(&c)
	}
	h.source = wellknown.NewSource(c)
	t.Cleanup(h.source.Close)
	issuer := "https://gateway.example"
	if c.Rewrite {
		issuer = "https://provider.example"
	}
	h.Handler = wellknown.New(wellknown.Config{Source: h.source, Issuer: issuer, Endpoints: paths, WriteError: writeStatus})
	return h
}

func writeStatus(w http.ResponseWriter, e *clientauth.Error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
}

// ServeHTTP writes a log line for the request.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	recorder, w := responserecorder.Wrap(w)
	h.Handler.ServeHTTP(w, r)
	h.logger.LogAttrs(r.Context(), recorder.Level, "request", recorder.Attrs...)
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

// The path of the expected issuer determines where its metadata is.
func TestProviderWithAPath(t *testing.T) {
	const text = `{"issuer":"https://idp.example/t1","token_endpoint":"https://idp.example/t1/token?a=1","revocation_endpoint":"https://elsewhere.example/r",` +
		`"jwks_uri":"https://idp.example/j","subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
	for _, published := range wellknown.Locations("https://idp.example/t1") {
		for _, public := range []string{"", "https://gw.example"} {
			synctest.Test(t, func(t *testing.T) {
				h := newHandler(t, newProvider(at(published, sends(text), status(404))), func(c *wellknown.SourceConfig) {
					c.Expected, c.Rewrite, c.Public = "https://idp.example/t1", public != "", origin.Of(public)
				})
				got, err := h.source.Provider(t.Context())
				if err != nil || got.Issuer != "https://idp.example/t1" || len(got.Endpoints) != 1 || got.Endpoints[clientauth.Token].RequestURI() != "/t1/token?a=1" {
					t.Errorf("%s, %q: got %v %v", published, public, got, err)
				}
			})
		}
	}
}

// Snapshots show the cached documents without a request to the provider.
func TestSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(at(location, sends(document), status(404)))
		h := newHandler(t, p, func(c *wellknown.SourceConfig) {
			c.Patch.Set = map[string]json.RawMessage{"x_patched": json.RawMessage(`1`)}
		})
		snapshots := func() []wellknown.Snapshot {
			all, _ := h.source.Snapshots("https://gateway.example", paths)
			return all
		}
		if first := snapshots()[0]; first.Location != location || !first.Fetched.IsZero() || first.Err != nil || p.requests.Load() != 0 {
			t.Errorf("no fetch yet: %+v, after %d requests", first, p.requests.Load())
		}
		served := get(h, location).Body.String()
		get(h, openid)
		first, second := snapshots()[0], snapshots()[1]
		if got := string(first.Served.Encode()); got != served || !strings.Contains(got, "x_patched") || string(first.Published.Encode()) != document {
			t.Errorf("served: %s, and by the handler %s", got, served)
		}
		if !first.Fetched.Equal(time.Now()) || first.Err != nil || !second.Absent || second.Err == nil || !second.Failed.Equal(time.Now()) || !second.Fetched.IsZero() {
			t.Errorf("got %+v and %+v", first, second)
		}
		p.respond(status(403))
		time.Sleep(time.Minute)
		get(h, location)
		synctest.Wait()
		if first = snapshots()[0]; first.Err == nil || first.Absent || first.Expired || first.Fetched.IsZero() || p.requests.Load() != 3 {
			t.Errorf("after a failed fetch: %+v", first)
		}
		time.Sleep(time.Minute + time.Hour)
		if first = snapshots()[0]; !first.Expired {
			t.Error("a document that is too old to be served has not expired")
		}
	})
}

// A source shares the cache of another, unless it would read other documents.
func TestShareCache(t *testing.T) {
	for _, expected := range []string{"", "https://gateway.example"} {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider(sends(document))
			from := newHandler(t, p)
			get(from, location)
			to := newHandler(t, p, func(c *wellknown.SourceConfig) { c.Expected = expected })
			to.source.ShareCache(from.source)
			if get(to, location); (p.requests.Load() == 1) != (expected == "") {
				t.Errorf("%q: %d requests", expected, p.requests.Load())
			}
		})
	}
}
