package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
)

func testReloaderConfig(c Config, load func() (config.Settings, error)) ReloaderConfig {
	return ReloaderConfig{Config: c, Load: load, OnReload: func(config.Settings) {}, Notify: func(string, string) {}}
}

// TestChangedFileIsLoaded checks that a file that changes is loaded once, that a broken one is
// tried once, and that the time of the configuration in use stays then.
func TestChangedFileIsLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, late := filepath.Join(t.TempDir(), "oauthgw.yaml"), filepath.Join(t.TempDir(), "web.yaml")
		write := func(file, text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		realm := func(name string) string {
			return "upstream: {url: http://127.0.0.1:1}\nendpoints: {token: /t}\nclient_auth: {realm: " + name + "}\n"
		}
		write(file, realm("a"))
		loads := 0
		meanwhile := func() {} // what happens while a file is being loaded
		load := func() (config.Settings, error) {
			loads++
			defer func() { meanwhile() }()
			return config.Load(file, nil)
		}
		c := testConfig(t, "http://127.0.0.1:1", io.Discard)
		var err error
		if c.Settings, err = load(); err != nil {
			t.Fatal(err)
		}
		l := NewReloader(testReloaderConfig(c, load))
		l.Start("")
		defer l.Stop()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go l.Watch(ctx, nil)
		used := time.Now()
		for _, step := range []struct {
			file, text string
			loads      int
			realm      string
			fails      bool
		}{
			{file, realm("a"), 1, "a", false},
			{file, realm("a") + "# the same\n", 2, "a", false},
			{file, realm("b"), 3, "b", false},
			{file, "upstream: {", 4, "b", true},
			{file, realm("c"), 5, "c", false},
			{file, realm("a") + "admin: {web_config_file: " + late + "}\n", 6, "c", true},
			{late, "{}\n", 7, "a", false},
			{file, realm("c"), 8, "c", false},
		} {
			write(step.file, step.text)
			time.Sleep(3 * pollInterval)
			synctest.Wait()
			last := l.LastReload()
			if !step.fails {
				used = last.Time
			}
			if got := l.Current().settings.ClientAuth.Realm; loads != step.loads || got != step.realm || (last.Err != nil) != step.fails || !last.Used.Equal(used) {
				t.Errorf("%q: loaded %d times, the realm is %s: %+v", step.text, loads, got, last)
			}
		}
		expect := func(realm string) {
			t.Helper()
			time.Sleep(3 * pollInterval)
			synctest.Wait()
			if got := l.Current().settings.ClientAuth.Realm; got != realm {
				t.Errorf("the realm is %s, not %s", got, realm)
			}
		}
		// Half of a file is loaded while the other half is being written.
		meanwhile = func() { write(file, realm("a")); meanwhile = func() {} }
		write(file, "log: {level: info}\n")
		expect("a")
		// A file is again what it was before the operator reloaded.
		write(file, realm("d"))
		if err := l.Reload(); err != nil || l.Current().settings.ClientAuth.Realm != "d" {
			t.Errorf("on request: %v", err)
		}
		write(file, realm("a"))
		expect("a")
	})
}

// TestRestartRequired checks that a reload does not apply the timeouts of the servers and another
// Redis, that each reload says so, and that the original values need no restart.
func TestRestartRequired(t *testing.T) {
	log := make(logLines, 100) // also of checks of Redis
	c := testConfig(t, "http://127.0.0.1:1", log, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a" // nothing is discovered
	})
	c.Settings.State.Redis, c.Settings.StatePassword = "redis://127.0.0.1:1", clientauth.NewSecret("canary")
	next := c.Settings
	l := NewReloader(testReloaderConfig(c, func() (config.Settings, error) { return next, nil }))
	l.Start("")
	defer l.Stop()
	for i, stall := range []time.Duration{time.Minute, time.Minute, c.Settings.Timeouts.Stall} {
		next.Timeouts.Stall = stall
		if next.State, next.StatePassword = c.Settings.State, c.Settings.StatePassword; stall == time.Minute {
			next.State, next.StatePassword = config.StateConfig{}, clientauth.Secret{}
		}
		log.take()
		if err := l.Reload(); err != nil {
			t.Fatal(err)
		}
		if got := l.Current().settings; got.Timeouts != c.Settings.Timeouts || got.State != c.Settings.State || !got.StatePassword.Equal(c.Settings.StatePassword) {
			t.Errorf("reload %d applied %+v, %+v", i, got.Timeouts, got.State)
		}
		logged := log.take()
		for _, key := range []string{"timeouts", "state.redis"} {
			if said := strings.Contains(logged, `"setting requires a restart","key":"`+key+`"`); said != (stall == time.Minute) {
				t.Errorf("reload %d logged %s", i, logged)
			}
		}
	}
}

// holding is a provider that holds requests until a channel for their path is closed, and
// counts its connections.
type holding struct {
	*httptest.Server
	connections    atomic.Int64
	arrived, ended chan string // paths
	release        map[string]chan struct{}
}

func startHolding(t *testing.T) *holding {
	p := &holding{arrived: make(chan string, 100), ended: make(chan string, 100), release: map[string]chan struct{}{
		"/t": make(chan struct{}), "/page": make(chan struct{}), "/stream": make(chan struct{}),
	}}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		p.arrived <- r.URL.Path
		if r.URL.Path == "/stream" {
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-p.release[r.URL.Path]:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}")
		case <-r.Context().Done():
			p.ended <- r.URL.Path
		}
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
	t.Cleanup(func() { p.CloseClientConnections(); p.Close() })
	return p
}

// startReloader starts a gateway that needs no discovery.
func (p *holding) startReloader(t *testing.T) *Reloader {
	c := testConfig(t, p.URL, io.Discard, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm, c.Upstream.Issuer = map[string]string{"token": "/t"}, "a", "https://a"
	})
	l := NewReloader(testReloaderConfig(c, func() (config.Settings, error) { return c.Settings, nil }))
	l.Start("")
	t.Cleanup(l.Stop)
	return l
}

// TestA134ShutdownEndsReload checks that a shutdown ends reloads whose discovery waits for a
// silent provider.
func TestA134ShutdownEndsReload(t *testing.T) {
	p := startHolding(t)
	l := p.startReloader(t)
	before := l.Current()
	l.config.Load = func() (config.Settings, error) { return testConfig(t, p.URL, io.Discard).Settings, nil }
	reloads := make(chan error, 4)
	for range 4 {
		go func() { reloads <- l.Reload() }()
	}
	<-p.arrived // discovery is under way
	start := time.Now()
	l.DisableReload()
	for range 4 {
		if err := <-reloads; !errors.Is(err, ErrReloadDisabled) {
			t.Errorf("a reload ended with %v", err)
		}
	}
	if d := time.Since(start); d > 3*time.Second || l.Current() != before {
		t.Errorf("the shutdown waited for %s, the gateway was replaced: %v", d, l.Current() != before)
	}
}

// TestA136ReplacedSourceIsClosed checks that the metadata source of a replaced gateway serves
// the requests in flight, and is closed when the last of them has ended.
func TestA136ReplacedSourceIsClosed(t *testing.T) {
	p := startHolding(t)
	l := p.startReloader(t)
	before := l.Current()
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://a/.well-known/oauth-authorization-server/x", nil).WithContext(ctx))
	}()
	<-p.arrived
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
}

// TestA180ConnectionsOfReplacedGateways checks that a replaced gateway keeps no idle
// connection while a stream is open.
func TestA180ConnectionsOfReplacedGateways(t *testing.T) {
	const reloads = 5
	p := startHolding(t)
	l := p.startReloader(t)
	var requests sync.WaitGroup
	for range reloads {
		for _, target := range []string{"GET /stream", "POST /t", "POST /t", "POST /page", "POST /page"} {
			method, path, _ := strings.Cut(target, " ")
			r := httptest.NewRequest(method, path, strings.NewReader("grant_type=x&client_id=a"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			requests.Go(func() { l.ServeHTTP(httptest.NewRecorder(), r) })
			<-p.arrived
		}
		if err := l.Reload(); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.connections.Load(); n != 5*reloads {
		t.Errorf("%d connections while all requests are in flight", n)
	}
	close(p.release["/t"])
	close(p.release["/page"])
	eventually(t, "no connections but those of the streams", func() bool { return p.connections.Load() == reloads })
	close(p.release["/stream"])
	requests.Wait()
	eventually(t, "no connection", func() bool { return p.connections.Load() == 0 })
}
