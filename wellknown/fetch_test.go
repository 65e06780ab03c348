package wellknown_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/wellknown"
)

// Requests for made-up locations, whose clients leave at once, hold at most 16 fetches
// and few goroutines. They delay neither the issuer's document nor a stale one.
func TestA130FetchesForMadeUpLocationsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(sends(document))
		h := newHandler(t, p)
		get(h, location+"/cached")
		time.Sleep(5 * time.Minute)
		p.respond(at(location, sends(document), hang))
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
		if n := runtime.NumGoroutine() - before; p.most != 16 || n > 1000 {
			t.Errorf("%d fetches at once, want 16; %d goroutines are left", p.most, n)
		}
		start := time.Now()
		for path, want := range map[string]int{"": 200, "/cached": 200, "/one-more": 503} {
			if w := get(h, location+path); w.Code != want || (w.Header().Get("Retry-After") != "") != (want == 503) || time.Since(start) > 0 {
				t.Errorf("%s: %d %v after %v", path, w.Code, w.Header(), time.Since(start))
			}
		}
		time.Sleep(time.Minute)
		p.respond(sends(document))
		if w := get(h, location+"/one-more"); w.Code != http.StatusOK || p.now != 0 {
			t.Errorf("afterwards: %d, and %d fetches have not ended", w.Code, p.now)
		}
	})
}

// A burst of existing locations is served: the fetches beyond the limit wait.
func TestA130FetchesBeyondTheLimitWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(after(100*time.Millisecond, sends(document)))
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
		if fetches := p.requests.Load(); p.most != 16 || fetches != 200 {
			t.Errorf("%d fetches at once, want 16; %d in all, want 200", p.most, fetches)
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
