package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// silencing is a provider that serves its metadata until it is silent.
type silencing struct {
	*httptest.Server
	silent       atomic.Bool
	asked, ended chan string // paths at which it is silent
}

func startSilencing(t *testing.T) *silencing {
	p := &silencing{asked: make(chan string, 100), ended: make(chan string, 100)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.silent.Load() {
			p.asked <- r.URL.Path
			<-r.Context().Done()
			p.ended <- r.URL.Path
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer":"`+p.URL+`","token_endpoint":"`+p.URL+`/t"}`)
	}))
	t.Cleanup(p.Close)
	return p
}

// liveBefore returns a live gateway that knows a provider's endpoints. A reload
// asks the provider again.
func liveBefore(t *testing.T, p *silencing) *live {
	t.Helper()
	l, err := newLive(learning(t, p.URL), nobody())
	if err != nil {
		t.Fatal(err)
	}
	l.begin()
	t.Cleanup(l.end)
	if err := l.now().learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.load = func() (settings, error) {
		return learning(t, p.URL, func(c *config) { c.Metadata.Patch.Remove = []string{"x"} }), nil
	}
	return l
}

// A shutdown ends a reload whose discovery waits for a silent provider, and every
// caller is told.
func TestA134ShutdownEndsReload(t *testing.T) {
	p := startSilencing(t)
	l := liveBefore(t, p)
	before := l.now()
	p.silent.Store(true)
	reloads := make(chan error, 4)
	go func() { reloads <- l.reload() }()
	<-p.asked // discovery is under way
	for range 3 {
		go func() { reloads <- l.reload() }()
	}
	start := time.Now()
	l.freeze()
	for range 4 {
		if err := <-reloads; !errors.Is(err, errFrozen) {
			t.Errorf("a reload ended with %v", err)
		}
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("the shutdown waited for %s", d)
	}
	if l.now() != before {
		t.Error("the gateway was replaced during the shutdown")
	}
}

// Callers that ask for a reload while one is under way share the next one, so
// that each is answered after two at most.
func TestA134CallersShareAReload(t *testing.T) {
	l := liveBefore(t, startSilencing(t))
	loading, proceed := make(chan struct{}), make(chan struct{})
	var loads atomic.Int32
	mistake := errors.New("a mistake in the file")
	l.load = func() (settings, error) {
		loads.Add(1)
		loading <- struct{}{}
		<-proceed
		return settings{}, mistake
	}
	var callers sync.WaitGroup
	reload := func() {
		if err := l.reload(); !errors.Is(err, mistake) {
			t.Errorf("a reload ended with %v", err)
		}
	}
	callers.Go(reload)
	<-loading
	for range 8 {
		callers.Go(reload)
	}
	eventually(t, "callers that wait", func() bool { return l.asked.Load() == 9 })
	go func() {
		for range loading {
		}
	}()
	close(proceed)
	callers.Wait()
	close(loading)
	if n := loads.Load(); n != 2 {
		t.Errorf("9 callers caused %d reloads", n)
	}
}

// The metadata source of a replaced gateway serves the requests in flight, and is
// closed when the last of them has ended.
func TestA136ReplacedSourceIsClosed(t *testing.T) {
	p := startSilencing(t)
	l := liveBefore(t, p)
	before := l.now()
	l.load = func() (settings, error) { return before.settings, nil }
	p.silent.Store(true)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/.well-known/oauth-authorization-server/x", nil).WithContext(ctx))
	}()
	<-p.asked
	if err := l.reload(); err != nil || l.now() == before {
		t.Fatalf("the gateway was not replaced: %v", err)
	}
	select {
	case <-p.ended:
		t.Error("a fetch was ended although a request waits for it")
	case <-time.After(50 * time.Millisecond):
	}
	leave()
	<-ended
	start := time.Now()
	<-p.ended
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("the fetch ended %s after the last request", d)
	}
	if before.enter() {
		t.Error("a closed gateway takes requests")
	}
}

// A request that meets a replacement is served by the next gateway, and each
// replaced gateway is closed once no request uses it.
func TestA136RequestsDuringReplacements(t *testing.T) {
	p := startSilencing(t)
	l := liveBefore(t, p)
	l.load = func() (settings, error) { return l.now().settings, nil }
	replaced := []*gateway{l.now()}
	var requests sync.WaitGroup
	ctx, enough := context.WithCancel(t.Context())
	for range 4 {
		requests.Go(func() {
			for ctx.Err() == nil {
				w := httptest.NewRecorder()
				l.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/oauth-authorization-server", nil))
				if w.Code != http.StatusOK {
					t.Errorf("got %d %s", w.Code, w.Body)
				}
			}
		})
	}
	for range 50 {
		if err := l.reload(); err != nil {
			t.Error(err)
		}
		replaced = append(replaced, l.now())
	}
	enough()
	requests.Wait()
	for i, g := range replaced[:len(replaced)-1] {
		if g.enter() {
			t.Errorf("gateway %d is not closed", i)
		}
	}
}
