package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A file that changes is loaded by itself, once, and one that is broken is
// tried once.
func TestChangedFileIsLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		const head = "upstream: {url: http://127.0.0.1:1}\nendpoints: {token: /t}\nclient_auth: {realm: a}\n"
		write(head)
		late := filepath.Join(t.TempDir(), "web.yaml")
		loads := 0
		meanwhile := func() {} // what happens while a file is being loaded
		load := func() (config.Settings, error) {
			loads++
			defer func() { meanwhile() }()
			return config.Load(file, nil)
		}
		s, err := load()
		if err != nil {
			t.Fatal(err)
		}
		c := testConfig(t, "http://127.0.0.1:1", io.Discard)
		c.Settings = s
		l, err := NewReloader(ReloaderConfig{Config: c, Load: load})
		if err != nil {
			t.Fatal(err)
		}
		l.Start("")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { l.Watch(ctx, nil); close(done) }()
		wait := func() {
			time.Sleep(3 * pollInterval)
			synctest.Wait()
		}
		for _, step := range []struct {
			text  string
			loads int
			realm string
		}{
			{head, 1, "a"},
			{head + "# the same\n", 2, "a"},
			{strings.Replace(head, "realm: a", "realm: b", 1), 3, "b"},
			{"upstream: {", 4, "b"},
			{strings.Replace(head, "realm: a", "realm: c", 1), 5, "c"},
			{head + "admin: {web_config_file: " + late + "}\n", 6, "c"},
			{"", 7, "a"},
			{strings.Replace(head, "realm: a", "realm: c", 1), 8, "c"},
		} {
			if step.text == "" { // a file that the configuration names comes later
				if err := os.WriteFile(late, []byte("{}\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			} else {
				write(step.text)
			}
			wait()
			if got := l.Current().settings.ClientAuth.Realm; loads != step.loads || got != step.realm {
				t.Errorf("%q: loaded %d times, the realm is %s", step.text, loads, got)
			}
		}
		// Half of a file is loaded while the other half is being written.
		meanwhile = func() { write(head); meanwhile = func() {} }
		write("log: {level: info}\n")
		wait()
		if got := l.Current().settings.ClientAuth.Realm; got != "a" {
			t.Errorf("the other half is overlooked: the realm is %s", got)
		}
		// What an operator has loaded meanwhile is no reason to overlook that a file
		// is again what it was.
		write(strings.Replace(head, "realm: a", "realm: d", 1))
		if err := l.Reload(); err != nil || l.Current().settings.ClientAuth.Realm != "d" {
			t.Errorf("on request: %v", err)
		}
		write(head)
		wait()
		if got := l.Current().settings.ClientAuth.Realm; got != "a" {
			t.Errorf("a file that is what it was is overlooked: the realm is %s", got)
		}
		cancel()
		<-done
		l.Stop()
	})
}

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

// reloaderFor returns a live gateway that knows a provider's endpoints. A reload
// asks the provider again.
func reloaderFor(t *testing.T, p *silencing) *Reloader {
	t.Helper()
	l, err := NewReloader(ReloaderConfig{Config: testConfig(t, p.URL, io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	l.Start("")
	t.Cleanup(l.Stop)
	if err := l.Current().discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.config.Load = func() (config.Settings, error) {
		return testConfig(t, p.URL, io.Discard, func(c *config.Config) { c.Metadata.Patch.Remove = []string{"x"} }).Settings, nil
	}
	return l
}

// A shutdown ends a reload whose discovery waits for a silent provider, and every
// caller is told.
func TestA134ShutdownEndsReload(t *testing.T) {
	p := startSilencing(t)
	l := reloaderFor(t, p)
	before := l.Current()
	p.silent.Store(true)
	reloads := make(chan error, 4)
	go func() { reloads <- l.Reload() }()
	<-p.asked // discovery is under way
	for range 3 {
		go func() { reloads <- l.Reload() }()
	}
	start := time.Now()
	l.DisableReload()
	for range 4 {
		if err := <-reloads; !errors.Is(err, ErrReloadDisabled) {
			t.Errorf("a reload ended with %v", err)
		}
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("the shutdown waited for %s", d)
	}
	if l.Current() != before {
		t.Error("the gateway was replaced during the shutdown")
	}
}

// Callers that ask for a reload while one is under way share the next one, so
// that each is answered after two at most.
func TestA134CallersShareAReload(t *testing.T) {
	l := reloaderFor(t, startSilencing(t))
	loading, proceed := make(chan struct{}), make(chan struct{})
	var loads atomic.Int32
	mistake := errors.New("a mistake in the file")
	l.config.Load = func() (config.Settings, error) {
		loads.Add(1)
		loading <- struct{}{}
		<-proceed
		return config.Settings{}, mistake
	}
	var callers sync.WaitGroup
	reload := func() {
		if err := l.Reload(); !errors.Is(err, mistake) {
			t.Errorf("a reload ended with %v", err)
		}
	}
	callers.Go(reload)
	<-loading
	for range 8 {
		callers.Go(reload)
	}
	eventually(t, "callers that wait", func() bool { return l.requested.Load() == 9 })
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
	l := reloaderFor(t, p)
	before := l.Current()
	l.config.Load = func() (config.Settings, error) { return before.settings, nil }
	p.silent.Store(true)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/.well-known/oauth-authorization-server/x", nil).WithContext(ctx))
	}()
	<-p.asked
	if err := l.Reload(); err != nil || l.Current() == before {
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

// holding is a provider that answers when it is told to, and counts its connections.
type holding struct {
	*httptest.Server
	connections atomic.Int64
	arrived     chan string // paths
	answer, end func()      // requests, streams
}

func startHolding(t *testing.T) *holding {
	answer, end := make(chan struct{}), make(chan struct{})
	p := &holding{arrived: make(chan string, 100), answer: sync.OnceFunc(func() { close(answer) }), end: sync.OnceFunc(func() { close(end) })}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		p.arrived <- r.URL.Path
		if r.URL.Path == "/stream" {
			_ = http.NewResponseController(w).Flush()
			<-end
			return
		}
		<-answer
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	p.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			p.connections.Add(1)
		case http.StateClosed:
			p.connections.Add(-1)
		}
	}
	p.Start()
	t.Cleanup(p.Close)
	t.Cleanup(p.answer)
	t.Cleanup(p.end)
	return p
}

// A replaced gateway keeps no connection that is idle, whatever it still carries:
// each exchange takes its connection with it.
func TestA180ConnectionsOfReplacedGateways(t *testing.T) {
	const reloads = 5
	p := startHolding(t)
	c := testConfig(t, p.URL, io.Discard, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm, c.Upstream.Issuer = map[string]string{"token": "/t"}, "a", "https://a"
	})
	l, err := NewReloader(ReloaderConfig{Config: c, Load: func() (config.Settings, error) { return c.Settings, nil }})
	if err != nil {
		t.Fatal(err)
	}
	l.Start("")
	t.Cleanup(l.Stop)
	ended := make(chan string, 100)
	request := func(method, path string) {
		r := httptest.NewRequest(method, path, strings.NewReader("grant_type=x&client_id=a"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		go func() {
			l.ServeHTTP(httptest.NewRecorder(), r)
			ended <- path
		}()
		<-p.arrived
	}
	for range reloads {
		request("GET", "/stream")
		for range 3 {
			request("POST", "/t")
			request("POST", "/page")
		}
		if err := l.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.connections.Load(); n != 7*reloads {
		t.Errorf("%d connections while everything is under way", n)
	}
	p.answer()
	for range 6 * reloads {
		<-ended
	}
	eventually(t, "no connections but the streams'", func() bool { return p.connections.Load() == reloads })
	p.end()
	for range reloads {
		<-ended
	}
	eventually(t, "no connection", func() bool { return p.connections.Load() == 0 })
}

// TestFailedReloadKeepsTheTimeOfTheConfiguration checks that after a failed reload the time is
// that of the configuration in use.
func TestFailedReloadKeepsTheTimeOfTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Reloader{config: ReloaderConfig{Config: testConfig(t, "http://127.0.0.1:1", io.Discard)}}
		start := time.Now()
		for _, step := range []struct {
			err  error
			used time.Duration
		}{{nil, 0}, {errors.New("bad"), 0}, {errors.New("worse"), 0}, {nil, 3 * time.Hour}} {
			l.recordReload(step.err)
			r := l.LastReload()
			if !r.Time.Equal(time.Now()) || r.Used.Sub(start) != step.used || r.Err != step.err {
				t.Errorf("after %v: %+v", step.err, r)
			}
			time.Sleep(time.Hour)
		}
	})
}
