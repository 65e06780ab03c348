package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testConfig returns the configuration of a gateway that logs to w.
func testConfig(t *testing.T, upstream string, w io.Writer, change ...func(*config.Config)) Config {
	t.Helper()
	c := config.Default()
	c.Upstream.URL = upstream
	for _, f := range change {
		f(&c)
	}
	s, err := c.Validate()
	if err != nil {
		t.Fatal(err)
	}
	return Config{Settings: s, Telemetry: Telemetry{Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.NewJSONHandler(w, nil))}}
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// syncBuffer is a buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// answers is a transport whose responses are bodies: a token endpoint rejects the client with
// one, and an empty one is a 404.
type answers func(*http.Request) (body string, err error)

// RoundTrip implements [http.RoundTripper].
func (f answers) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := f(r)
	if err != nil {
		return nil, err
	}
	status := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[isWellKnown(r)]
	if body == "" {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func isWellKnown(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/.well-known/") }

// startDiscovery runs the discovery of a gateway and returns a function that requests a path
// and one that returns the log.
func startDiscovery(t *testing.T, over answers, change ...func(*config.Config)) (request func(path string) *httptest.ResponseRecorder, logged func() string) {
	t.Helper()
	lines := &syncBuffer{}
	c := testConfig(t, "https://a", lines, change...)
	c.Transports = Transports{over, over, over}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); synctest.Wait(); g.Close() })
	go g.watchMetadata(ctx, false)
	synctest.Wait()
	return func(path string) *httptest.ResponseRecorder {
		method, form := http.MethodPost, "grant_type=x"
		if strings.HasPrefix(path, "/.well-known/") {
			method, form = http.MethodGet, ""
		}
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("app", "s3cret-one")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w
	}, lines.String
}

// TestProviderThatComesLater checks that a gateway whose provider is down at the start sends
// nothing on, and discovers the endpoints when the provider is back.
func TestProviderThatComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up atomic.Bool
		request, logged := startDiscovery(t, func(r *http.Request) (string, error) {
			switch {
			case !up.Load() && !isWellKnown(r):
				t.Errorf("%s was sent", r.URL.Path)
				fallthrough
			case !up.Load():
				return "", errors.New("connection refused")
			case isWellKnown(r):
				return `{"issuer":"https://a","token_endpoint":"https://a/t"}`, nil
			}
			return `{"error":"invalid_client"}`, nil
		})
		for _, path := range []string{"/t", "/anything", "/.well-known/oauth-authorization-server"} {
			if w := request(path); w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"error":"temporarily_unavailable"`) {
				t.Errorf("%s: got %d %v %s", path, w.Code, w.Header(), w.Body)
			}
		}
		up.Store(true)
		time.Sleep(time.Minute)
		if w := request("/t"); w.Code != 401 || w.Header().Get("WWW-Authenticate") != `Basic realm="https://a"` {
			t.Errorf("got %d %v", w.Code, w.Header())
		}
		if w := request("/.well-known/oauth-authorization-server"); !strings.Contains(w.Body.String(), `"client_secret_basic"`) {
			t.Errorf("got %s", w.Body)
		}
		if log := logged(); strings.Count(log, "metadata fetch failed") != 1 || strings.Count(log, "discovered endpoints") != 1 {
			t.Errorf("failing and recovering were not logged once each:\n%s", log)
		}
	})
}

// TestProviderThatChangesItsEndpoints checks that the gateway follows endpoints that move.
func TestProviderThatChangesItsEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var path atomic.Value
		path.Store("/one")
		request, _ := startDiscovery(t, func(r *http.Request) (string, error) {
			if isWellKnown(r) {
				return fmt.Sprintf(`{"issuer":"https://a","token_endpoint":"https://a%s"}`, path.Load()), nil
			}
			return fmt.Sprintf(`{"authorization":%t}`, r.Header.Get("Authorization") != ""), nil
		})
		for _, current := range []string{"/one", "/two"} {
			path.Store(current)
			time.Sleep(time.Hour)
			for _, asked := range []string{"/one", "/two"} {
				if got := request(asked).Body.String(); strings.Contains(got, "false") != (asked == current) {
					t.Errorf("%s is the endpoint, %s answers %s", current, asked, got)
				}
			}
		}
	})
}

// TestProviderThatNamesNoEndpoint checks that the log says what to configure if the provider
// has no metadata, or endpoints at another origin.
func TestProviderThatNamesNoEndpoint(t *testing.T) {
	for document, want := range map[string]string{
		"": "the provider has no metadata document there",
		`{"issuer":"https://a","token_endpoint":"https://b/token"}`: "configure public_url or endpoints",
	} {
		synctest.Test(t, func(t *testing.T) {
			request, logged := startDiscovery(t, func(*http.Request) (string, error) { return document, nil })
			if w := request("/"); w.Code != 503 || !strings.Contains(logged(), want) {
				t.Errorf("got %d, and the log lacks %q:\n%s", w.Code, want, logged())
			}
		})
	}
}

// TestConfiguredEndpointsNeedNoMetadata checks that configured endpoints work without
// metadata, and that the issuer becomes the realm when it is known.
func TestConfiguredEndpointsNeedNoMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var metadata atomic.Value
		metadata.Store("")
		request, _ := startDiscovery(t, func(r *http.Request) (string, error) {
			if isWellKnown(r) {
				return metadata.Load().(string), nil
			}
			return `{"error":"invalid_client"}`, nil
		}, func(c *config.Config) {
			c.Upstream.URL, c.Endpoints = "https://a:8443", map[string]string{"token": "/t"}
		})
		for _, want := range []string{"a:8443", "https://issuer"} {
			if got := request("/t").Header().Get("WWW-Authenticate"); got != `Basic realm="`+want+`"` {
				t.Errorf("got %s, want the realm %s", got, want)
			}
			metadata.Store(`{"issuer":"https://issuer","token_endpoint":"https://issuer/t"}`)
			time.Sleep(time.Hour)
		}
	})
}

// TestA135OlderDiscoveryDoesNotReplaceNewer checks that a document that begins to arrive
// before another one and ends after it does not replace the newer routes, whether the newer
// document gave them or confirmed them.
func TestA135OlderDiscoveryDoesNotReplaceNewer(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var status atomic.Int64
			status.Store(http.StatusOK)
			over := roundTrip(func(r *http.Request) *http.Response {
				status, path, wait := int(status.Load()), "/new", time.Duration(0)
				if strings.HasSuffix(r.URL.Path, "openid-configuration") {
					status, path, wait = http.StatusOK, "/old", 4*time.Second
				}
				text := `{"issuer":"https://a","token_endpoint":"https://a` + path + `","authorization_endpoint":"https://a/a","jwks_uri":"https://a/j",` +
					`"response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
				return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(&slowly{strings.NewReader(text), wait}), Request: r}
			})
			c := testConfig(t, "https://a", io.Discard, func(c *config.Config) { c.Metadata.TTL, c.Metadata.StaleFor = time.Second, 0 })
			c.Transports = Transports{over, over, over}
			g, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			discover := func() {
				if err := g.discover(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if confirmed {
				discover()
				time.Sleep(time.Minute)
			}
			status.Store(http.StatusInternalServerError)
			older := make(chan struct{})
			go func() { discover(); close(older) }()
			synctest.Wait() // the older document is arriving
			time.Sleep(3500 * time.Millisecond)
			status.Store(http.StatusOK)
			discover()
			<-older
			if got := g.routes.Load().known.Endpoints[clientauth.Token].Path; got != "/new" {
				t.Errorf("confirmed %v: the older document is in force: %s", confirmed, got)
			}
		})
	}
}

// slowly is a body that arrives after a time.
type slowly struct {
	io.Reader
	wait time.Duration
}

// Read implements [io.Reader].
func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(s.wait)
	s.wait = 0
	return s.Reader.Read(p)
}

// While as many requests as may be wait at the fronted endpoints, metadata and all
// other paths are reached.
func TestBusyEndpointsLeaveTheRestAlone(t *testing.T) {
	var waiting atomic.Int64
	release := make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			waiting.Add(1)
			<-release
		}
	}))
	defer provider.Close()
	g, err := New(testConfig(t, provider.URL, io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ask := func(way http.RoundTripper, method string) error {
		r, err := http.NewRequestWithContext(t.Context(), method, provider.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := way.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	const most = 512
	var asking sync.WaitGroup
	for range most {
		asking.Go(func() {
			if err := ask(g.config.Transports.Fronted, http.MethodPost); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "filling the endpoints", func() bool { return waiting.Load() == most })
	if ask(g.config.Transports.Fronted, http.MethodPost) == nil {
		t.Error("one more was let through")
	}
	for name, way := range map[string]http.RoundTripper{"metadata": g.config.Transports.Metadata, "other paths": g.config.Transports.Passthrough} {
		if err := ask(way, http.MethodGet); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	close(release)
	asking.Wait()
}

// TestHosts checks that a Host field holds a name or an address, and perhaps a port (RFC
// 9110 section 7.2), so that it can be part of a URL.
func TestHosts(t *testing.T) {
	for _, host := range strings.Fields("a login.example.com a_b-c~d:8080 a: 127.0.0.1:80 [::1] [::1]:8080 [::ffff:127.0.0.1]:") {
		if !validHost(&http.Request{Host: host, ProtoMajor: 1, ProtoMinor: 1}) {
			t.Errorf("%q is refused", host)
		}
	}
	for _, host := range append(strings.Fields(":80 a/b a@b a:b a:80:80 a?b ::1 [] [::1 ::1] [::1]80 [a/b] [::1%lo] [[::1]] é a\x00 a%41 a,b"), "a b", "") {
		if validHost(&http.Request{Host: host, ProtoMajor: 1, ProtoMinor: 1}) {
			t.Errorf("%q is accepted", host)
		}
	}
	if !validHost(&http.Request{ProtoMajor: 1}) {
		t.Error("HTTP/1.0 needs no host")
	}
}
