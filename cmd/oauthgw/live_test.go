package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/legacy"
)

// reloading is a program whose configuration file can be rewritten.
type reloading struct {
	t           *testing.T
	file        string
	head        string // what every version of the file begins with
	data, admin string
	log         syncBuffer
	stop        func()
}

func startReloading(t *testing.T, upstream, rest string) *reloading {
	t.Helper()
	return startReloadingTo(t, upstream, rest, io.Discard)
}

func startReloadingTo(t *testing.T, upstream, rest string, stdout io.Writer) *reloading {
	t.Helper()
	p := &reloading{t: t, file: filepath.Join(t.TempDir(), "oauthgw.yaml")}
	p.head = rest + "listen: 127.0.0.1:0\nupstream: {url: " + upstream + "}\n"
	if !strings.Contains(rest, "admin:") {
		p.head += "admin: {listen: 127.0.0.1:0}\n"
	}
	p.write("")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"--config.file=" + p.file}, nil, stdout, &p.log) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	eventually(t, "listening", func() bool { return strings.Contains(p.log.String(), `"msg":"listening"`) })
	_, rest, _ = strings.Cut(p.log.String(), `"listen":"`)
	p.data, rest, _ = strings.Cut(rest, `"`)
	_, rest, _ = strings.Cut(rest, `"admin":"`)
	p.admin, _, _ = strings.Cut(rest, `"`)
	return p
}

func (p *reloading) write(rest string) {
	if err := os.WriteFile(p.file, []byte(p.head+rest), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *reloading) reload() (int, string) {
	p.t.Helper()
	resp, err := http.Post("http://"+p.admin+"/-/reload", "", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// passes tells by whether paths that are no endpoint pass which configuration
// is in force.
func (p *reloading) passes() bool { return status(p.t, "http://"+p.data+"/") == 200 }

func TestReload(t *testing.T) {
	provider := httptest.NewServer(legacy.New(legacy.Config{PublicURL: "https://login.example.com"}))
	defer provider.Close()
	p := startReloading(t, provider.URL, "")
	eventually(t, "readiness", func() bool { return status(t, "http://"+p.admin+"/-/ready") == 200 })

	p.write("passthrough: false\n")
	if code, text := p.reload(); code != 200 || text != "reloaded\n" || p.passes() {
		t.Errorf("got %d %s", code, text)
	}
	p.write("passthrough: true\npasthru: 1\n")
	if code, text := p.reload(); code != 500 || !strings.Contains(text, p.file+":5: pasthru: unknown key; ") || p.passes() {
		t.Errorf("a bad file: got %d %s", code, text)
	}
	if text := storyGateway.scrape(storyGateway{admin: p.admin}, t); !strings.Contains(text, "oauthgw_config_last_reload_successful 0\n") {
		t.Error("the metric does not tell that the last reload failed")
	}
	// Whatever is known stays known: the provider is not asked again.
	provider.Close()
	p.write("passthrough: false\nlog: {level: debug}\n")
	if code, _ := p.reload(); code != 200 || status(t, "http://"+p.data+"/.well-known/oauth-authorization-server") != 200 {
		t.Error("the metadata was lost")
	}
	// One that would know less than the old is not put in its place.
	p.write("metadata: {patch: {remove: [x]}}\n")
	if code, text := p.reload(); code != 500 || !strings.Contains(text, "the endpoints cannot be learnt") || p.passes() {
		t.Errorf("a configuration that cannot learn: %d %s", code, text)
	}
	p.head = strings.Replace(p.head, "listen: 127.0.0.1:0", "listen: 127.0.0.1:1", 1)
	p.write("")
	before := strings.Count(p.log.String(), "was reloaded")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a reload by signal", func() bool { return strings.Count(p.log.String(), "was reloaded") > before })
	eventually(t, "a word on what a reload cannot change", func() bool {
		return strings.Contains(p.log.String(), `"msg":"a change of this key takes a restart","key":"listen"`)
	})
}

// Requests of every kind are served while the configuration is reloaded again and again.
// Under the race detector it shows that nothing is shared.
func TestManyReloadsUnderRequests(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer":"https://login.example.com","token_endpoint":"https://login.example.com/t"}`)
	}))
	defer provider.Close()
	p := startReloading(t, provider.URL, "endpoints: {token: /t, registration: /r}\n")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var requests sync.WaitGroup
	ctx, enough := context.WithCancel(t.Context())
	for _, url := range []string{
		"POST http://" + p.data + "/t", "POST http://" + p.data + "/r", "GET http://" + p.data + "/page",
		"GET http://" + p.data + "/.well-known/oauth-authorization-server", "GET http://" + p.admin + "/", "GET http://" + p.admin + "/metrics",
	} {
		method, url, _ := strings.Cut(url, " ")
		requests.Go(func() {
			for ctx.Err() == nil {
				r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(""))
				if err != nil {
					t.Error(err)
					return
				}
				if method == "POST" {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2
					r.Header = http.Header{"Content-Type": {"application/json"}, "Origin": {"https://app.example"}}
				}
				resp, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 {
					t.Errorf("%s: got %d", url, resp.StatusCode)
				}
			}
		})
	}
	for i := range 40 {
		p.write(fmt.Sprintf("cors: {allowed_origins: [\"https://app.example\"]}\nclient_auth: {realm: r%d}\nlog: {level: %s}\n", i, []string{"debug", "warn"}[i%2]))
		if code, text := p.reload(); code != 200 {
			t.Errorf("got %d %s", code, text)
		}
	}
	enough()
	requests.Wait()
}

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
		late := certificateConfig{name + ".crt", name + ".key"}
		loads := 0
		meanwhile := func() {} // what happens while a file is being loaded
		load := func() (settings, error) {
			loads++
			defer func() { meanwhile() }()
			return loadConfig(file, nil)
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
			if got := l.now().settings.realm; loads != step.loads || got != step.realm {
				t.Errorf("%q: loaded %d times, the realm is %s", step.text, loads, got)
			}
		}
		// Half of a file is loaded while the other half is being written.
		meanwhile = func() { write(head); meanwhile = func() {} }
		write("log: {level: info}\n")
		wait()
		if got := l.now().settings.realm; got != "a" {
			t.Errorf("the other half is overlooked: the realm is %s", got)
		}
		// What an operator has loaded meanwhile is no reason to overlook that a file
		// is again what it was.
		write(strings.Replace(head, "realm: a", "realm: d", 1))
		if err := l.reload(); err != nil || l.now().settings.realm != "d" {
			t.Errorf("on request: %v", err)
		}
		write(head)
		wait()
		if got := l.now().settings.realm; got != "a" {
			t.Errorf("a file that is what it was is overlooked: the realm is %s", got)
		}
		cancel()
		<-done
		l.end()
	})
}

// Who is connected when the end comes is answered, also if the request comes
// later, and nobody else is let in: be it a client or an operator.
func TestConnectedClientsAreAnsweredAtTheEnd(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer provider.Close()
	s := learning(t, provider.URL, func(c *config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
	})
	for name, test := range map[string]struct {
		at   func(*servers) (net.Listener, *bounded)
		asks string
	}{
		"client":   {func(s *servers) (net.Listener, *bounded) { return s.data, s.clients }, "POST /t HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"},
		"operator": {func(s *servers) (net.Listener, *bounded) { return s.admin, s.operators }, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			servers, err := listen(nil, s, nobody())
			if err != nil {
				t.Fatal(err)
			}
			ctx, end := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- servers.run(ctx) }()
			listener, bound := test.at(servers)
			address := listener.Addr().String()
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			eventually(t, "taking the connection", func() bool { return !bound.quiet() })
			end()
			eventually(t, "refusing others", func() bool {
				other, err := net.Dial("tcp", address)
				if err == nil {
					other.Close()
				}
				return err != nil
			})
			_, _ = io.WriteString(c, test.asks)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || resp.StatusCode != 200 || !resp.Close {
				t.Errorf("got %v %v", resp, err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// After a SIGTERM requests are answered for a while, each as the last on its
// connection, readiness says no, and nothing is reloaded.
func TestDrain(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(arrived)
			<-release
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer provider.Close()
	s := learning(t, provider.URL, func(c *config) {
		c.Endpoints, c.ClientAuth.Realm, c.Drain.Delay = map[string]string{"token": "/t"}, "a", time.Hour
	})
	servers, err := listen(nil, s, nobody())
	if err != nil {
		t.Fatal(err)
	}
	servers.live.load = func() (settings, error) { return s, nil }
	ctx, end := context.WithCancelCause(t.Context())
	defer end(nil)
	done := make(chan error, 1)
	go func() { done <- servers.run(ctx) }()
	data, admin := "http://"+servers.data.Addr().String(), "http://"+servers.admin.Addr().String()
	slow := make(chan bool)
	go func() {
		resp, err := http.Get(data + "/slow")
		if err == nil {
			resp.Body.Close()
		}
		slow <- err == nil && resp.Close
	}()
	<-arrived
	for _, draining := range []bool{false, true} {
		if draining {
			end(errTerminated)
			eventually(t, "draining", func() bool { return status(t, admin+"/-/ready") == 503 })
			if text := (storyGateway{admin: servers.admin.Addr().String()}).scrape(t); !strings.Contains(text, "oauthgw_ready 0\n") {
				t.Errorf("the metrics say otherwise:\n%s", text)
			}
		}
		for _, path := range []string{"/", "/t"} {
			resp, err := http.Get(data + path)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.Close != draining {
				t.Errorf("draining %v, %s: the connection ends: %v", draining, path, resp.Close)
			}
		}
	}
	close(release)
	if !<-slow {
		t.Error("the answer to a request of the time before does not end its connection")
	}
	p := reloading{t: t, admin: servers.admin.Addr().String()}
	eventually(t, "an end of reloads", func() bool {
		code, text := p.reload()
		return code == 503 && text == "not reloaded: oauthgw is about to end\n"
	})
	_ = servers.data.Close() // ends an hour early
	if err := <-done; err == nil {
		t.Error("the listener that failed was not told of")
	}
}
