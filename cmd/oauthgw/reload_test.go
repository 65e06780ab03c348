package main

import (
	"context"
	"errors"
	"fmt"
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

	"oauthgw/internal/config"
	"oauthgw/proxy"

	"go.opentelemetry.io/otel"
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
		name := filepath.Join(t.TempDir(), "late")
		late := config.CertificateConfig{CertFile: name + ".crt", KeyFile: name + ".key"}
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
		l, err := newLive(s, nobody())
		if err != nil {
			t.Fatal(err)
		}
		l.load = load
		l.begin()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { l.keepReloading(ctx, nil); close(done) }()
		wait := func() {
			time.Sleep(3 * pollEvery)
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
			{head + "tls: {cert_file: " + late.CertFile + ", key_file: " + late.KeyFile + "}\n", 6, "c"},
			{"", 7, "a"},
			{strings.Replace(head, "realm: a", "realm: c", 1), 8, "c"},
		} {
			if step.text == "" { // a file that the configuration names comes later
				certificateFiles(t, name, time.Now().Add(time.Hour))
			} else {
				write(step.text)
			}
			wait()
			if got := l.now().settings.Realm; loads != step.loads || got != step.realm {
				t.Errorf("%q: loaded %d times, the realm is %s", step.text, loads, got)
			}
		}
		// Half of a file is loaded while the other half is being written.
		meanwhile = func() { write(head); meanwhile = func() {} }
		write("log: {level: info}\n")
		wait()
		if got := l.now().settings.Realm; got != "a" {
			t.Errorf("the other half is overlooked: the realm is %s", got)
		}
		// What an operator has loaded meanwhile is no reason to overlook that a file
		// is again what it was.
		write(strings.Replace(head, "realm: a", "realm: d", 1))
		if err := l.reload(); err != nil || l.now().settings.Realm != "d" {
			t.Errorf("on request: %v", err)
		}
		write(head)
		wait()
		if got := l.now().settings.Realm; got != "a" {
			t.Errorf("a file that is what it was is overlooked: the realm is %s", got)
		}
		cancel()
		<-done
		l.end()
	})
}

// silencing is a provider that serves its metadata until it is silent.
type silencing struct {
	*httptest.Server
	silent           atomic.Bool
	requested, ended chan string // paths at which it is silent
}

func startSilencing(t *testing.T) *silencing {
	p := &silencing{requested: make(chan string, 100), ended: make(chan string, 100)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.silent.Load() {
			p.requested <- r.URL.Path
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
	l.load = func() (config.Settings, error) {
		return learning(t, p.URL, func(c *config.Config) { c.Metadata.Patch.Remove = []string{"x"} }), nil
	}
	return l
}

// A shutdown ends a reload whose discovery waits for a silent provider, and every
// caller gets the error.
func TestA134ShutdownEndsReload(t *testing.T) {
	p := startSilencing(t)
	l := liveBefore(t, p)
	before := l.now()
	p.silent.Store(true)
	reloads := make(chan error, 4)
	go func() { reloads <- l.reload() }()
	<-p.requested // discovery is under way
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
	broken := errors.New("an error in the file")
	l.load = func() (config.Settings, error) {
		loads.Add(1)
		loading <- struct{}{}
		<-proceed
		return config.Settings{}, broken
	}
	var callers sync.WaitGroup
	reload := func() {
		if err := l.reload(); !errors.Is(err, broken) {
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
	l.load = func() (config.Settings, error) { return before.settings, nil }
	p.silent.Store(true)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/.well-known/oauth-authorization-server/x", nil).WithContext(ctx))
	}()
	<-p.requested
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

// A replaced gateway keeps no idle connection: each request in flight closes its
// connection when it ends.
func TestA180ConnectionsOfReplacedGateways(t *testing.T) {
	const reloads = 5
	var connections atomic.Int64
	arrived, answer, end := make(chan struct{}, 100), make(chan struct{}), make(chan struct{})
	provider := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		if r.URL.Path == "/stream" {
			_ = http.NewResponseController(w).Flush()
			<-end
			return
		}
		<-answer
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	provider.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			connections.Add(1)
		case http.StateClosed:
			connections.Add(-1)
		}
	}
	provider.Start()
	t.Cleanup(provider.Close)
	s := learning(t, provider.URL, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm, c.Upstream.Issuer = map[string]string{"token": "/t"}, "a", "https://a"
	})
	l, err := newLive(s, nobody())
	if err != nil {
		t.Fatal(err)
	}
	l.begin()
	t.Cleanup(l.end)
	l.load = func() (config.Settings, error) { return s, nil }
	var requests, streams sync.WaitGroup
	request := func(in *sync.WaitGroup, method, path string) {
		r := httptest.NewRequest(method, path, strings.NewReader("grant_type=x&client_id=a"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		in.Go(func() { l.ServeHTTP(httptest.NewRecorder(), r) })
		<-arrived
	}
	for range reloads {
		request(&streams, "GET", "/stream")
		for range 3 {
			request(&requests, "POST", "/t")
			request(&requests, "POST", "/page")
		}
		if err := l.reload(); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n != 7*reloads {
		t.Errorf("%d connections with everything in flight", n)
	}
	close(answer)
	requests.Wait()
	eventually(t, "no connections but the streams'", func() bool { return connections.Load() == reloads })
	close(end)
	streams.Wait()
	eventually(t, "no connection", func() bool { return connections.Load() == 0 })
}

// valve is a writer that blocks while it is locked.
type valve struct {
	closed sync.Mutex
	w      io.Writer
}

// Write implements [io.Writer].
func (v *valve) Write(p []byte) (int, error) {
	v.closed.Lock()
	defer v.closed.Unlock()
	return v.w.Write(p)
}

// A reload of log.level and log.format reaches the loggers that outlive it: of the
// audit record, of tracing and of the writer of log lines.
func TestA137ReloadReachesEveryLogger(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	dir := t.TempDir()
	at := func(level, format string) config.Settings {
		return learning(t, "http://127.0.0.1:1", func(c *config.Config) {
			c.Log.Level, c.Log.Format = level, format
			c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
		})
	}
	var log syncBuffer
	stderr := &valve{w: &log}
	first := at("error", "json")
	first.AuditFile = filepath.Join(dir, "missing", "audit.json")
	o, dismiss, err := newObservers(t.Context(), first, io.Discard, stderr)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLive(first, o)
	if err != nil {
		t.Fatal(err)
	}
	l.begin()
	logEach := func(audit string) {
		before := len(log.String())
		otel.Handle(errors.New("a span was lost"))
		o.audit.record(t.Context(), proxy.Decision{Endpoint: "token"})
		eventually(t, audit, func() bool { return strings.Contains(log.String()[before:], audit) })
		stderr.closed.Lock()
		for range 2*asyncLines + 1 {
			l.log().Error("a line")
		}
		stderr.closed.Unlock()
	}
	logEach(`"msg":"the audit record cannot be written"`)
	eventually(t, "lines", func() bool { return strings.Contains(log.String(), "a line") })
	if text := log.String(); strings.Contains(text, "a span was lost") || strings.Contains(text, "were dropped") {
		t.Errorf("at level error: %.2000s", text)
	}
	next := at("warn", "text")
	next.AuditFile = filepath.Join(dir, "audit.json")
	l.load = func() (config.Settings, error) { return next, nil }
	if err := l.reload(); err != nil {
		t.Fatal(err)
	}
	before := len(log.String())
	logEach(`msg="the audit record is written again; entries are missing"`)
	for _, want := range []string{`msg="tracing failed" err="a span was lost"`, `msg="log lines were dropped here"`} {
		eventually(t, fmt.Sprintf("%s after the reload", want), func() bool { return strings.Contains(log.String()[before:], want) })
	}
	l.end()
	dismiss()
}
