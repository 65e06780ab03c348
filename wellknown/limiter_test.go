package wellknown_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/wellknown"
)

// gauge counts the current requests at a provider, and the most there were.
type gauge struct{ now, most atomic.Int32 }

func (g *gauge) add() {
	n := g.now.Add(1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
}

// Requests for made-up locations, whose clients leave at once, hold at most 16 fetches
// and few goroutines. They delay neither the issuer's document nor a stale one.
func TestA130FetchesForMadeUpLocationsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests gauge
		p := newProvider(sends(document))
		h := newHandler(t, p)
		get(h, location+"/cached")
		time.Sleep(5 * time.Minute)
		p.respond(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == location {
				sends(document)(w, r)
				return
			}
			requests.add()
			defer requests.now.Add(-1)
			hang(w, r)
		})
		before := runtime.NumGoroutine()
		for i := range 1500 {
			ctx, leave := context.WithCancel(t.Context())
			left := make(chan struct{})
			go func() {
				defer close(left)
				h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", fmt.Sprintf("%s/%d", location, i), nil).WithContext(ctx))
			}()
			synctest.Wait()
			leave()
			<-left
		}
		if n := requests.most.Load(); n != 16 {
			t.Errorf("%d fetches at once, want 16", n)
		}
		if n := runtime.NumGoroutine() - before; n > 1000 {
			t.Errorf("%d goroutines are left", n)
		}
		start := time.Now()
		for path, want := range map[string]int{"": 200, "/cached": 200, "/one-more": 503} {
			if w := get(h, location+path); w.Code != want || (w.Header().Get("Retry-After") != "") != (want == 503) {
				t.Errorf("%s: %d %v", path, w.Code, w.Header())
			}
		}
		if time.Since(start) > 0 {
			t.Errorf("they waited %v", time.Since(start))
		}
		time.Sleep(time.Minute)
		if n := requests.now.Load(); n != 0 {
			t.Errorf("%d fetches have not ended", n)
		}
		p.respond(sends(document))
		if w := get(h, location+"/one-more"); w.Code != http.StatusOK {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

// A burst of existing locations is served: the fetches beyond the limit wait.
func TestA130FetchesBeyondTheLimitWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests gauge
		p := newProvider(func(w http.ResponseWriter, r *http.Request) {
			requests.add()
			defer requests.now.Add(-1)
			after(100*time.Millisecond, sends(document))(w, r)
		})
		h := newHandler(t, p, func(c *wellknown.SourceConfig) { c.Entries = 1000 })
		var all sync.WaitGroup
		for i := range 400 {
			all.Go(func() {
				if w := get(h, fmt.Sprintf("%s/%d", location, i/2)); w.Code != http.StatusOK {
					t.Errorf("location %d: %d %s", i/2, w.Code, w.Body)
				}
			})
		}
		all.Wait()
		if n, fetches := requests.most.Load(), p.requests.Load(); n != 16 || fetches != 200 {
			t.Errorf("%d fetches at once, want 16; %d in all, want 200", n, fetches)
		}
	})
}

// Made-up locations evict neither the issuer's documents nor its cached failures, even
// if the issuer's path is not clean. Missing documents evict no documents.
func TestA091A130CachesAreSeparate(t *testing.T) {
	for issuer, path := range map[string]string{"https://gateway.example/a//b": "/a/b", "https://gateway.example/a/./b/": "/a/b", "https://gateway.example": ""} {
		t.Run(issuer, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(sends(strings.Replace(document, "https://gateway.example", issuer, 1)))
				h := newHandler(t, p, func(c *wellknown.SourceConfig) { c.Expected = issuer })
				get(h, location+path)
				for i := range 20 {
					get(h, fmt.Sprintf("%s/made-up/%d", location, i))
				}
				p.respond(status(404))
				get(h, openid+path)
				for i := range 20 {
					get(h, fmt.Sprintf("%s/missing/%d", location, i))
				}
				requests := p.requests.Load()
				for at, want := range map[string]int{location + path: 200, openid + path: 404, location + "/made-up/19": 200, location + "/missing/19": 404} {
					if w := get(h, at); w.Code != want {
						t.Errorf("%s: got %d", at, w.Code)
					}
				}
				if p.requests.Load() != requests {
					t.Error("a cached document or failure was evicted")
				}
				if w := get(h, location+"/made-up/0"); w.Code != 404 {
					t.Errorf("the other documents are not limited: %d", w.Code)
				}
			})
		})
	}
}
