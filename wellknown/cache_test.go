package wellknown_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/metrics"
	"oauthgw/wellknown"
)

// A document lives as long as its Cache-Control allows, at most as long as
// configured, and at least as long as the provider is left alone.
func TestCacheControlBoundsTheLifetime(t *testing.T) {
	for field, want := range map[string]time.Duration{
		"":                              time.Minute,
		"public":                        time.Minute,
		"max-age=10":                    10 * time.Second,
		`public, Max-Age="10"`:          10 * time.Second,
		"max-age=3600":                  time.Minute,
		"max-age=3600, s-maxage=20":     20 * time.Second,
		"s-maxage=20, max-age=3600":     20 * time.Second,
		"no-cache, max-age=10":          2 * time.Second,
		"no-cache":                      2 * time.Second,
		"no-store":                      2 * time.Second,
		"private":                       2 * time.Second,
		"max-age=0":                     2 * time.Second,
		"max-age=soon":                  2 * time.Second,
		"max-age=99999999999999999999":  2 * time.Second,
		"stale-while-revalidate=100000": time.Minute,
	} {
		t.Run(field, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{}
				p.says(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Cache-Control", field)
					writeDocument(w, r)
				})
				h := newHandler(t, p)
				w := get(h, location)
				if got := w.Header().Get("Cache-Control"); got != fmt.Sprintf("max-age=%.0f", want.Seconds()) {
					t.Errorf("clients are told %q", got)
				}
				time.Sleep(want - time.Millisecond)
				get(h, location)
				synctest.Wait()
				if n := p.asked.Load(); n != 1 {
					t.Errorf("the provider was asked %d times within the lifetime", n)
				}
				time.Sleep(time.Millisecond)
				get(h, location)
				synctest.Wait()
				if n := p.asked.Load(); n != 2 {
					t.Errorf("the provider was asked %d times after the lifetime", n)
				}
			})
		})
	}
}

// A provider that has validators is asked whether the document is the same.
func TestDocumentIsRevalidated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var whole, same atomic.Int32
		p := &provider{}
		p.says(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"one"`)
			if r.Header.Get("If-None-Match") == `"one"` {
				same.Add(1)
				w.Header().Del("Cache-Control")
				w.WriteHeader(http.StatusNotModified)
				return
			}
			whole.Add(1)
			w.Header().Set("Cache-Control", "max-age=50")
			w.Header().Set("Age", "20")
			writeDocument(w, r)
		})
		h := newHandler(t, p)
		first := get(h, location)
		for range 3 {
			time.Sleep(30 * time.Second)
			get(h, location)
			synctest.Wait()
		}
		last := get(h, location)
		if whole.Load() != 1 || same.Load() != 3 {
			t.Errorf("the document came %d times and was confirmed %d times", whole.Load(), same.Load())
		}
		if last.Body.String() != first.Body.String() || last.Header().Get("Age") != "0" {
			t.Errorf("after revalidation: %v %s", last.Header(), last.Body)
		}
	})
}

// A 304 that nobody asked for brings no document.
func TestUnaskedNotModified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(fails(http.StatusNotModified))
		if w := get(newHandler(t, p), location); w.Code != http.StatusServiceUnavailable {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

func TestClientsRevalidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p)
		first := get(h, location)
		etag := first.Header().Get("Etag")
		time.Sleep(7 * time.Second)
		for match, want := range map[string]int{
			etag: 304, `"x", ` + etag: 304, "W/" + etag: 304, "*": 304, `"x"`: 200, "": 200,
		} {
			r := httptest.NewRequest("GET", location, nil)
			r.Header.Set("If-None-Match", match)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want || w.Header().Get("Etag") != etag || w.Header().Get("Age") != "7" || (w.Body.Len() == 0) != (want == 304) {
				t.Errorf("%s: got %d %v", match, w.Code, w.Header())
			}
		}
		p.says(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.Replace(document, "{", `{"x":1,`, 1))
		})
		time.Sleep(3 * time.Minute)
		if got := get(h, location).Header().Get("Etag"); got == etag || got == "" {
			t.Errorf("another document has the validator %s", got)
		}
	})
}

// Just past its lifetime a document is served at once and fetched behind.
func TestNobodyWaitsForARevalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p)
		get(h, location)
		p.says(func(w http.ResponseWriter, r *http.Request) { time.Sleep(3 * time.Second); writeDocument(w, r) })
		time.Sleep(61 * time.Second)
		for range 5 {
			start := time.Now()
			if w := get(h, location); w.Code != http.StatusOK || w.Header().Get("Age") != "61" || time.Since(start) != 0 {
				t.Fatalf("got %d %v after %v", w.Code, w.Header(), time.Since(start))
			}
		}
		time.Sleep(4 * time.Second)
		if w := get(h, location); w.Header().Get("Age") != "1" {
			t.Errorf("it was not fetched behind: %v", w.Header())
		}
		if n := p.asked.Load(); n != 2 {
			t.Errorf("the provider was asked %d times", n)
		}
	})
}

// A document that nobody has asked for in a long time is fetched before it is
// served: what it says may be long untrue.
func TestOldDocumentIsFetchedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p)
		get(h, location)
		time.Sleep(30 * time.Minute)
		if w := get(h, location); w.Header().Get("Age") != "0" {
			t.Errorf("got %v", w.Header())
		}
	})
}

// The provider is away for an hour, in whatever way, and clients see 200s only,
// without waiting more than the first of them did.
func TestAnHourWithoutTheProvider(t *testing.T) {
	for name, failure := range map[string]http.HandlerFunc{
		"down": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"500":  fails(500), "404": fails(404), "429": fails(429),
		"hanging":        func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"foreign issuer": saying(`{"issuer":"https://evil.example","token_endpoint":"https://evil.example/t"}`),
		"html":           func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>") },
		"repeated":       saying(`{"issuer":"https://gateway.example","token_endpoint":"https://a","token_endpoint":"https://b"}`),
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusFound)
		},
		"huge": saying(`{"issuer":"https://gateway.example","x":"` + strings.Repeat("x", 256<<10) + `"}`),
		"deep": saying(`{"issuer":"https://gateway.example","x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`),
		"slow": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for range 3600 {
				if _, err := io.WriteString(w, " "); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				time.Sleep(time.Second)
			}
		},
		"compressed": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			writeDocument(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{}
				p.says(writeDocument)
				h := newHandler(t, p, func(c *wellknown.SourceConfig) {
					c.Expected, c.StaleFor = "https://gateway.example", 24*time.Hour
				})
				good := get(h, location).Body.String()
				p.says(failure)
				waited := 0
				for begin := time.Now(); time.Since(begin) < time.Hour; time.Sleep(7 * time.Second) {
					start := time.Now()
					if w := get(h, location); w.Code != http.StatusOK || w.Body.String() != good {
						t.Fatalf("after %v: %d %s", time.Since(begin), w.Code, w.Body)
					}
					if time.Since(start) > 0 {
						waited++
					}
				}
				if waited > 0 {
					t.Errorf("%d clients waited", waited)
				}
				p.says(writeDocument)
				time.Sleep(10 * time.Second)
				get(h, location)
				synctest.Wait()
				if w := get(h, location); w.Header().Get("Age") != "0" {
					t.Errorf("it did not recover: %v", w.Header())
				}
			})
		})
	}
}

// A provider that fails is asked once in a pause, however many ask here.
func TestA093FailureWithoutADocumentIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(fails(500))
		h := newHandler(t, p)
		for range 60 {
			get(h, location)
			time.Sleep(time.Second)
		}
		if n := p.asked.Load(); n < 60/4 || n > 60/2 {
			t.Errorf("the provider was asked %d times in a minute", n)
		}
	})
}

// What a provider sends in the place of a reply may be somebody else's tokens.
func TestBrokenReplyIsNotLogged(t *testing.T) {
	var log bytes.Buffer
	provider, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	go func() {
		c, err := provider.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "{\"refresh_token\":\"t0ken-value\"}\r\n\r\n")
	}()
	m := metrics.New(metrics.Build{})
	s, err := wellknown.NewSource(wellknown.SourceConfig{Upstream: origin.Of("http://" + provider.Addr().String()), Transport: &http.Transport{}, Entries: 1, Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h, err := wellknown.New(wellknown.Config{Source: s, Metrics: m, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if w := get(h, location); w.Code != http.StatusServiceUnavailable || !strings.Contains(log.String(), "reply was broken") || strings.Contains(log.String(), "t0ken-value") {
		t.Errorf("answered %d, logged %s", w.Code, log.String())
	}
}

// Whoever asks for what is kept anyway gets no line in the log, unless an operator
// wants to see everything.
func TestHitsAreToldAtLevelDebug(t *testing.T) {
	for level, told := range map[slog.Level]string{slog.LevelInfo: "miss", slog.LevelDebug: "miss hit"} {
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p)
		var log bytes.Buffer
		h.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
		get(h, location)
		get(h, location)
		var results []string
		for _, field := range strings.Fields(log.String()) {
			if result, ok := strings.CutPrefix(field, "result="); ok {
				results = append(results, result)
			}
		}
		if got := strings.Join(results, " "); got != told {
			t.Errorf("level %v tells %q, not %q", level, got, told)
		}
	}
}

func TestA086ForeignIssuerIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p, func(c *wellknown.SourceConfig) { c.Expected = "https://gateway.example/" })
		if w := get(h, location); w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), `"server_error"`) {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
}

func saying(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

// A warm hit writes prepared bytes: what it allocates does not grow with the
// document.
func TestWarmHitAllocatesNextToNothing(t *testing.T) {
	p := &provider{}
	p.says(saying(`{"issuer":"https://gateway.example","token_endpoint":"https://gateway.example/t","x":"` + strings.Repeat("x", 100<<10) + `"}`))
	h := newHandler(t, p)
	r := httptest.NewRequest("GET", location, nil)
	w := &discard{header: http.Header{}}
	h.ServeHTTP(w, r)
	if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); n > 10 {
		t.Errorf("a warm hit allocates %v times", n)
	}
}

// discard is a ResponseWriter that keeps nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}
