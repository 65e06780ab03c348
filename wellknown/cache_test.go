package wellknown_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/wellknown"
)

// A document is fresh as long as its Cache-Control says, at most a minute (the
// configured TTL), and at least the time between two fetches.
func TestCacheControlLimitsTheLifetime(t *testing.T) {
	for field, want := range map[string]time.Duration{
		"": time.Minute, "public": time.Minute, "max-age=10": 10 * time.Second, `public, Max-Age="10"`: 10 * time.Second,
		"max-age=3600": time.Minute, "max-age=3600, s-maxage=20": 20 * time.Second, "s-maxage=20, max-age=3600": 20 * time.Second,
		"no-cache, max-age=10": 2 * time.Second, "no-cache": 2 * time.Second, "no-store": 2 * time.Second, "private": 2 * time.Second,
		"max-age=0": 2 * time.Second, "max-age=soon": 2 * time.Second, "max-age=99999999999999999999": 2 * time.Second,
		"stale-while-revalidate=100000": time.Minute,
	} {
		t.Run(field, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(with("Cache-Control", field, document))
				h := newHandler(t, p)
				w := get(h, location)
				if got := w.Header().Get("Cache-Control"); got != fmt.Sprintf("max-age=%.0f", want.Seconds()) || !strings.Contains(w.Body.String(), "client_secret_basic") {
					t.Errorf("got %q %s", got, w.Body)
				}
				for i, wait := range []time.Duration{want - time.Millisecond, time.Millisecond} {
					time.Sleep(wait)
					get(h, location)
					synctest.Wait()
					if n := p.requests.Load(); n != int32(i)+1 {
						t.Errorf("%d requests, want %d", n, i+1)
					}
				}
			})
		})
	}
}

// A document with a validator is revalidated, and what clients have of it as well.
func TestRevalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var whole, unchanged atomic.Int32
		p := newProvider(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"one"`)
			if r.Header.Get("If-None-Match") == `"one"` {
				unchanged.Add(1)
				w.WriteHeader(http.StatusNotModified)
				return
			}
			whole.Add(1)
			w.Header().Set("Cache-Control", "max-age=50")
			w.Header().Set("Age", "20")
			sends(document)(w, r)
		})
		h := newHandler(t, p)
		first := get(h, location)
		for range 3 {
			time.Sleep(30 * time.Second)
			get(h, location)
			synctest.Wait()
		}
		if last := get(h, location); whole.Load() != 1 || unchanged.Load() != 3 || last.Body.String() != first.Body.String() || last.Header().Get("Age") != "0" {
			t.Errorf("sent %d times, confirmed %d times: %v %s", whole.Load(), unchanged.Load(), last.Header(), last.Body)
		}
		etag := first.Header().Get("Etag")
		for match, want := range map[string]int{etag: 304, `"x", ` + etag: 304, "W/" + etag: 304, "*": 304, `"x"`: 200, "": 200} {
			r := httptest.NewRequest("GET", location, nil)
			r.Header.Set("If-None-Match", match)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want || w.Header().Get("Etag") != etag || (w.Body.Len() > 0) != (want == 200) {
				t.Errorf("%s: got %d %v %s", match, w.Code, w.Header(), w.Body)
			}
		}
		p.respond(sends(strings.Replace(document, "{", `{"x":1,`, 1)))
		time.Sleep(3 * time.Minute)
		if got := get(h, location).Header().Get("Etag"); got == etag || got == "" {
			t.Errorf("another document has the validator %s", got)
		}
	})
}

// A document that has just expired is served at once and fetched in the background. One
// that expired long ago is fetched first.
func TestExpiredDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(sends(document))
		h := newHandler(t, p)
		get(h, location)
		p.respond(after(3*time.Second, sends(document)))
		time.Sleep(61 * time.Second)
		for range 5 {
			start := time.Now()
			if w := get(h, location); w.Code != http.StatusOK || w.Header().Get("Age") != "61" || time.Since(start) != 0 {
				t.Fatalf("got %d %v after %v", w.Code, w.Header(), time.Since(start))
			}
		}
		time.Sleep(4 * time.Second)
		if w := get(h, location); w.Header().Get("Age") != "1" || p.requests.Load() != 2 {
			t.Errorf("%d requests, got %v", p.requests.Load(), w.Header())
		}
		time.Sleep(30 * time.Minute)
		if w := get(h, location); w.Header().Get("Age") != "0" {
			t.Errorf("after half an hour: %v", w.Header())
		}
	})
}

// failures are what a provider sends without a document, and what clients get.
var failures = map[string]struct {
	respond http.HandlerFunc
	status  int
}{
	"down":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 503},
	"hanging": {hang, 503},
	"304":     {status(304), 503},
	"401":     {status(401), 503}, "403": {status(403), 503}, "407": {status(407), 503}, "408": {status(408), 503},
	"425": {status(425), 503}, "421": {status(421), 503}, "429": {status(429), 503}, "500": {status(500), 503},
	"404": {status(404), 404}, "410": {status(410), 404},
	"redirect":       {http.RedirectHandler("https://evil.example/", http.StatusFound).ServeHTTP, 503},
	"foreign issuer": {sends(`{"issuer":"https://evil.example","token_endpoint":"https://evil.example/t"}`), 502},
	"html":           {with("Content-Type", "text/html", "<!doctype html>"), 404},
	"compressed":     {with("Content-Encoding", "gzip", document), 503},
	"array":          {sends("[]"), 404},
	"truncated":      {sends(document[:30]), 503},
	"no members":     {sends(`{}`), 404},
	"no issuer":      {sends(`{"token_endpoint":"https://gateway.example/t"}`), 404},
	"no endpoint":    {sends(`{"issuer":"https://gateway.example","token_endpoint":"/t"}`), 404},
	"repeated":       {sends(`{"issuer":"https://gateway.example","token_endpoint":"https://a","token_endpoint":"https://b"}`), 503},
	"huge":           {sends(`{"issuer":"https://gateway.example","x":"` + strings.Repeat("x", 256<<10) + `"}`), 503},
	"deep":           {sends(`{"issuer":"https://gateway.example","x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`), 503},
	"slow": {func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for range 3600 {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Second)
		}
	}, 503},
}

func expectIssuer(c *wellknown.SourceConfig) { c.Expected = "https://gateway.example" }

// Without a cached document, clients get the failure, and the provider at most one request
// every 2 seconds, however many clients there are.
func TestA086A088A089A093A138FailureWithoutADocument(t *testing.T) {
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(failure.respond)
				h := newHandler(t, p, expectIssuer)
				start := time.Now()
				for range 30 {
					w := get(h, location)
					if w.Code != failure.status || (w.Header().Get("Retry-After") != "") != (w.Code == 503) {
						t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
					}
					time.Sleep(time.Second / 2)
				}
				if n, most := p.requests.Load(), int32(time.Since(start)/(2*time.Second))+1; n < 2 || n > most {
					t.Errorf("%d requests in %v", n, time.Since(start))
				}
				time.Sleep(10 * time.Second) // until a slow fetch has ended
			})
		})
	}
}

// The provider fails for an hour, and clients get the cached document without waiting,
// until it is too old.
func TestA086A088A093A138HourWithoutTheProvider(t *testing.T) {
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(sends(document))
				h := newHandler(t, p, expectIssuer)
				good := get(h, location).Body.String()
				p.respond(failure.respond)
				for begin := time.Now(); time.Since(begin) < time.Hour; time.Sleep(7 * time.Second) {
					start := time.Now()
					if w := get(h, location); w.Code != http.StatusOK || w.Body.String() != good || time.Since(start) > 0 {
						t.Fatalf("after %v: %d %s", time.Since(begin), w.Code, w.Body)
					}
				}
				time.Sleep(2 * time.Minute)
				if w := get(h, location); w.Code != failure.status {
					t.Errorf("beyond its staleness: %d", w.Code)
				}
				p.respond(sends(document))
				time.Sleep(10 * time.Second)
				if w := get(h, location); w.Code != http.StatusOK {
					t.Errorf("it did not recover: %d %s", w.Code, w.Body)
				}
			})
		})
	}
}

func TestA092WaitersShareOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(after(time.Second, sends(document)))
		h := newHandler(t, p)
		first, cancel := context.WithCancel(t.Context())
		var waiters sync.WaitGroup
		var served atomic.Int32
		for i := range 10_000 {
			waiters.Go(func() {
				r := httptest.NewRequest("GET", location, nil)
				if i == 0 {
					r = r.WithContext(first)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if w.Code == http.StatusOK {
					served.Add(1)
				}
			})
		}
		synctest.Wait()
		cancel() // the others still get the document
		waiters.Wait()
		if p.requests.Load() != 1 || served.Load() != 9_999 {
			t.Errorf("%d fetches served %d of 9,999", p.requests.Load(), served.Load())
		}
	})
}

// What a provider sends instead of a response may be another client's tokens.
func TestMalformedResponseIsNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, newProvider(func(w http.ResponseWriter, _ *http.Request) {
			c, _, _ := http.NewResponseController(w).Hijack()
			defer c.Close()
			_, _ = io.WriteString(c, "{\"refresh_token\":\"t0ken-value\"}\r\n\r\n")
		}))
		if w := get(h, location); w.Code != http.StatusServiceUnavailable || !strings.Contains(h.log.String(), "response is malformed") || strings.Contains(h.log.String(), "t0ken-value") {
			t.Errorf("got %d, logged %s", w.Code, h.log)
		}
	})
}

// A cache hit writes prepared bytes: its allocations do not grow with the document. It is
// logged at level debug.
func TestCacheHit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, newProvider(sends(strings.Replace(document, "{", `{"x":"`+strings.Repeat("x", 100<<10)+`",`, 1))))
		r := httptest.NewRequest("GET", location, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		miss := h.log.String()
		if n := testing.AllocsPerRun(100, func() { h.log.Reset(); w.Body.Reset(); h.ServeHTTP(w, r) }); n > 10 {
			t.Errorf("%v allocations", n)
		}
		if hit := h.log.String(); !strings.Contains(miss, "level=INFO") || !strings.Contains(miss, "outcome=miss") || !strings.Contains(hit, "level=DEBUG") || !strings.Contains(hit, "outcome=hit") {
			t.Errorf("logged %s and %s", miss, hit)
		}
	})
}

// A panic during a fetch is a failed fetch. The error names where it happened, not its
// value.
func TestFetchThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var i, want int
		h := newHandler(t, newProvider(sends(document)), func(c *wellknown.SourceConfig) {
			reach := c.Transport.RoundTrip
			c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				if i != 1 {
					panic("canary")
				}
				return reach(r)
			})
		})
		for i, want = range []int{http.StatusServiceUnavailable, http.StatusOK, http.StatusOK} {
			if w := get(h, location); w.Code != want {
				t.Errorf("fetch %d: %d %s", i, w.Code, w.Body)
			}
			time.Sleep(2 * time.Minute)
		}
		if !strings.Contains(h.log.String(), "string in oauthgw/wellknown_test.TestFetchThatPanics") || strings.Contains(h.log.String(), "canary") {
			t.Error(h.log)
		}
		if w := get(h.metrics.Handler(), "/metrics"); !strings.Contains(w.Body.String(), "oauthgw_panics_total 2\n") {
			t.Error(w.Body)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
