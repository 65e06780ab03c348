package wellknown_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/metrics"
	"oauthgw/wellknown"
)

const (
	location = "/.well-known/oauth-authorization-server"
	document = `{"issuer":"https://gateway.example","token_endpoint":"https://gateway.example/t"}`
)

// provider is a provider inside a synctest bubble: a real server, reached over
// pipes, so that its waiting is the bubble's time.
type provider struct {
	answer atomic.Pointer[http.HandlerFunc]
	asked  atomic.Int32
}

// start serves until the test ends and returns a transport that reaches it.
func (p *provider) start(t *testing.T) http.RoundTripper {
	connections := make(chan net.Conn)
	listener := pipes{connections, make(chan struct{}), new(sync.Once)}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		(*p.answer.Load())(w, r)
	})}
	go server.Serve(listener)
	transport := &http.Transport{DisableCompression: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		connections <- far
		return near, nil
	}}
	t.Cleanup(func() { transport.CloseIdleConnections(); server.Close() })
	return transport
}

func (p *provider) says(h http.HandlerFunc) { p.answer.Store(&h) }

type pipes struct {
	connections chan net.Conn
	closed      chan struct{}
	once        *sync.Once
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.connections:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func writeDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, document)
}

func fails(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// newHandler returns a handler over a provider, with a lifetime of a minute and
// an hour of staleness.
func newHandler(t *testing.T, p *provider, change ...func(*wellknown.SourceConfig)) *wellknown.Handler {
	t.Helper()
	m := metrics.New(metrics.Build{})
	c := wellknown.SourceConfig{
		Upstream: &url.URL{Scheme: "http", Host: "provider.example"}, Transport: p.start(t),
		TTL: time.Minute, StaleFor: time.Hour, Entries: 2, Metrics: m,
	}
	for _, f := range change {
		f(&c)
	}
	source, err := wellknown.NewSource(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	issuer := "https://gateway.example"
	if c.Issuer == wellknown.IssuerRewrite {
		issuer = "https://provider.example"
	}
	h, err := wellknown.New(wellknown.Config{Source: source, Metrics: m, Log: slog.New(slog.DiscardHandler),
		Issuer: issuer, Endpoints: map[clientauth.Endpoint]string{clientauth.Token: "/t"}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func TestDocumentIsKeptForItsLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p)
		for i, wait := range []time.Duration{0, 59 * time.Second, time.Second} {
			time.Sleep(wait)
			w := get(h, location)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "client_secret_basic") {
				t.Fatalf("request %d: %d %s", i, w.Code, w.Body)
			}
		}
		synctest.Wait() // for the fetch behind the last
		if n := p.asked.Load(); n != 2 {
			t.Errorf("the provider was asked %d times, want 2", n)
		}
	})
}

func TestA088A093StaleDocumentOutlivesTheProvider(t *testing.T) {
	for name, failure := range map[string]http.HandlerFunc{
		"down": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"500":  fails(500), "404": fails(404), "hanging": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"broken": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"issuer":"https://gateway.ex`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{}
				p.says(writeDocument)
				h := newHandler(t, p)
				get(h, location)
				p.says(failure)
				for range 55 {
					time.Sleep(time.Minute)
					if w := get(h, location); w.Code != http.StatusOK {
						t.Fatalf("a kept document was not served: %d %s", w.Code, w.Body)
					}
				}
				time.Sleep(10 * time.Minute)
				if w := get(h, location); w.Code == http.StatusOK {
					t.Error("a document was served beyond its staleness")
				}
				p.says(writeDocument)
				time.Sleep(10 * time.Second)
				if w := get(h, location); w.Code != http.StatusOK {
					t.Errorf("it did not recover: %d %s", w.Code, w.Body)
				}
			})
		})
	}
}

func TestA093FailingProviderIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(fails(500))
		h := newHandler(t, p)
		for range 100 {
			if w := get(h, location); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
				t.Fatalf("got %d %v", w.Code, w.Header())
			}
		}
		if n := p.asked.Load(); n != 1 {
			t.Errorf("the provider was asked %d times, want 1", n)
		}
	})
}

func TestA092ManyWaitersShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		release := make(chan struct{})
		p.says(func(w http.ResponseWriter, r *http.Request) { <-release; writeDocument(w, r) })
		h := newHandler(t, p)
		impatient, leave := context.WithCancel(t.Context())
		var waiters sync.WaitGroup
		var served atomic.Int32
		for i := range 10_000 {
			waiters.Go(func() {
				r := httptest.NewRequest("GET", location, nil)
				if i == 0 {
					r = r.WithContext(impatient)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code == http.StatusOK {
					served.Add(1)
				}
			})
		}
		synctest.Wait()
		leave() // whoever came first may leave; the others still get it
		synctest.Wait()
		close(release)
		waiters.Wait()
		if p.asked.Load() != 1 || served.Load() != 9_999 {
			t.Errorf("%d fetches served %d of the 9,999 who waited", p.asked.Load(), served.Load())
		}
	})
}

func TestA091MissingLocationsDoNotPushOutDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == location {
				writeDocument(w, r)
				return
			}
			w.WriteHeader(http.StatusNotFound)
		})
		h := newHandler(t, p)
		get(h, location)
		for i := range 20 {
			if w := get(h, fmt.Sprintf("%s/%d", location, i)); w.Code != http.StatusNotFound {
				t.Fatalf("got %d", w.Code)
			}
		}
		asked := p.asked.Load()
		if get(h, location); p.asked.Load() != asked {
			t.Error("the document had to be fetched again")
		}
	})
}

// A provider that has a document everywhere does not let callers push out the
// issuer's own.
func TestA091OtherLocationsDoNotPushOutTheIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p)
		get(h, location)
		for i := range 20 {
			get(h, fmt.Sprintf("%s/%d", location, i))
		}
		p.says(fails(500))
		if w := get(h, location); w.Code != http.StatusOK {
			t.Errorf("got %d", w.Code)
		}
		if w := get(h, location+"/19"); w.Code != http.StatusOK {
			t.Errorf("the last of the others is not kept: %d", w.Code)
		}
		if w := get(h, location+"/0"); w.Code != http.StatusServiceUnavailable {
			t.Errorf("the others are not bounded: %d", w.Code)
		}
	})
}

func TestA088A089RepliesThatHoldNoDocument(t *testing.T) {
	with := func(contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		status int
	}{
		"html":         {with("text/html", "<!doctype html>"), 404},
		"json as html": {with("text/html", document), 404},
		"an array":     {with("application/json", "[]"), 404},
		"not found":    {fails(404), 404},
		"gone":         {fails(410), 404},
		"overloaded":   {fails(429), 503},
		"broken json":  {with("application/json", `{"issuer":`), 503},
		"no issuer":    {with("application/json", `{}`), 503},
		"twice":        {with("application/json", `{"issuer":"https://a","issuer":"https://b"}`), 503},
		"huge":         {with("application/json", `{"issuer":"https://a","x":"`+strings.Repeat("x", 256<<10)+`"}`), 503},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			pour(w)
		}, 503},
		"compressed": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			writeDocument(w, r)
		}, 503},
		"redirect":      {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, location+"/other", http.StatusFound) }, 503},
		"never arrives": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 503},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{}
				p.says(test.answer)
				if w := get(newHandler(t, p), location); w.Code != test.status {
					t.Errorf("got %d %s, want %d", w.Code, w.Body, test.status)
				}
				if n := p.asked.Load(); n != 1 {
					t.Errorf("the provider was asked %d times", n)
				}
			})
		})
	}
}

// pour writes until the reader is gone.
func pour(w io.Writer) {
	chunk := []byte(strings.Repeat(" ", 64<<10))
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(writeDocument)
		w := httptest.NewRecorder()
		newHandler(t, p).ServeHTTP(w, httptest.NewRequest("HEAD", location, nil))
		if w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "0" {
			t.Errorf("got %d, %d octets, %v", w.Code, w.Body.Len(), w.Header())
		}
	})
}
