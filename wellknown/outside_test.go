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

// A provider that refuses the request, or refuses it now, has not said that there
// is no document: clients get 503 and not 404, and a known document stays.
func TestA138RefusedFetchIsNoAbsence(t *testing.T) {
	for _, status := range []int{401, 403, 407, 408, 425, 429} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{}
				p.says(fails(status))
				h := newHandler(t, p)
				if w := get(h, location); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
					t.Errorf("got %d %v", w.Code, w.Header())
				}
				if kept, _ := h.Source.Kept(h.Issuer, h.Endpoints); kept[0].Absent || kept[0].Fault == nil {
					t.Errorf("the status page says %+v", kept[0])
				}
				p.says(writeDocument)
				time.Sleep(time.Minute)
				get(h, location)
				p.says(fails(status))
				time.Sleep(10 * time.Minute)
				if w := get(h, location); w.Code != http.StatusOK {
					t.Errorf("the known document: got %d", w.Code)
				}
			})
		})
	}
}

// gauge counts the requests that are at a provider now, and the most there were.
type gauge struct{ now, most atomic.Int32 }

func (g *gauge) enter() {
	n := g.now.Add(1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
}

// Requests for made-up locations, whose clients leave at once, hold 16 fetches at
// most, few goroutines, and never delay the issuer's own document.
func TestA130MadeUpLocationsShareABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var made gauge
		p := &provider{}
		p.says(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != location {
				made.enter()
				defer made.now.Add(-1)
				<-r.Context().Done()
				return
			}
			writeDocument(w, r)
		})
		h := newHandler(t, p)
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
		if n := made.most.Load(); n != 16 {
			t.Errorf("%d fetches at once, want 16", n)
		}
		if n := runtime.NumGoroutine() - before; n > 1000 {
			t.Errorf("%d goroutines are left", n)
		}
		start := time.Now()
		if w := get(h, location); w.Code != http.StatusOK || time.Since(start) > 0 {
			t.Errorf("the issuer's own: %d after %s", w.Code, time.Since(start))
		}
		start = time.Now()
		if w := get(h, location+"/one-more"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || time.Since(start) > 0 {
			t.Errorf("one more: %d %v after %s", w.Code, w.Header(), time.Since(start))
		}
		time.Sleep(time.Minute)
		if n := made.now.Load(); n != 0 {
			t.Errorf("%d fetches have not ended", n)
		}
		p.says(writeDocument)
		if w := get(h, location+"/one-more"); w.Code != http.StatusOK {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

// A burst of locations that exist is served: the fetches beyond the bound wait.
func TestA130LocationsBeyondTheBoundWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at gauge
		p := &provider{}
		p.says(func(w http.ResponseWriter, r *http.Request) {
			at.enter()
			defer at.now.Add(-1)
			time.Sleep(100 * time.Millisecond)
			writeDocument(w, r)
		})
		h := newHandler(t, p, func(c *wellknown.SourceConfig) { c.Entries = 1000 })
		var all sync.WaitGroup
		for i := range 200 {
			for range 2 {
				all.Go(func() {
					if w := get(h, fmt.Sprintf("%s/%d", location, i)); w.Code != http.StatusOK {
						t.Errorf("location %d: %d %s", i, w.Code, w.Body)
					}
				})
			}
		}
		all.Wait()
		if n, asked := at.most.Load(), p.asked.Load(); n != 16 || asked != 200 {
			t.Errorf("%d fetches at once, want 16; %d in all, want 200", n, asked)
		}
	})
}

// A stale document is served while the fetches outside are all taken.
func TestA130StaleDocumentNeedsNoFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p)
		get(h, location+"/kept")
		p.says(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		time.Sleep(5 * time.Minute)
		for i := range 500 {
			go get(h, fmt.Sprintf("%s/%d", location, i))
		}
		synctest.Wait()
		if w := get(h, location+"/kept"); w.Code != http.StatusOK {
			t.Errorf("got %d", w.Code)
		}
		time.Sleep(time.Minute)
	})
}

// Made-up locations push out neither the issuer's documents nor what is known of
// their absence, also if the issuer has another spelling than the clean one.
func TestA130IssuersLocationsAreKeptApart(t *testing.T) {
	for issuer, path := range map[string]string{"https://gateway.example/a//b": "/a/b", "https://gateway.example/a/./b/": "/a/b", "https://gateway.example": ""} {
		t.Run(issuer, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{}
				var down atomic.Bool
				p.says(func(w http.ResponseWriter, r *http.Request) {
					if down.Load() && !strings.Contains(r.URL.Path, "made-up") {
						w.WriteHeader(http.StatusInternalServerError)
						return
					}
					w.Header().Set("Content-Type", "application/json")
					fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"https://gateway.example/t"}`, issuer)
				})
				h := newHandler(t, p, func(c *wellknown.SourceConfig) { c.Expected = issuer })
				if w := get(h, location+path); w.Code != http.StatusOK {
					t.Fatalf("got %d %s", w.Code, w.Body)
				}
				down.Store(true)
				absent := strings.TrimSuffix(location, "oauth-authorization-server") + "openid-configuration" + path
				get(h, absent)
				for i := range 20 {
					get(h, fmt.Sprintf("%s/made-up/%d", location, i))
				}
				for i := range 20 {
					get(h, fmt.Sprintf("%s/missing/%d", location, i))
				}
				asked := p.asked.Load()
				if w := get(h, absent); w.Code != http.StatusServiceUnavailable || p.asked.Load() != asked {
					t.Errorf("the absence is forgotten: %d", w.Code)
				}
				if w := get(h, location+path); w.Code != http.StatusOK {
					t.Errorf("the document is pushed out: %d", w.Code)
				}
			})
		})
	}
}
