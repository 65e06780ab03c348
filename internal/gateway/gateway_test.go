package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/metrics"

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
	return Config{Settings: s, Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.NewJSONHandler(w, nil))}
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

// provider is a transport that answers requests for metadata with the current document,
// or 404 if that is empty, and rejects the client at all other paths.
type provider struct{ document atomic.Value }

// RoundTrip implements [http.RoundTripper].
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, p.document.Load().(string)
	if body == "" {
		status = http.StatusNotFound
	}
	if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
		status, body = http.StatusUnauthorized, fmt.Sprintf(`{"error":"invalid_client","basic":%t}`, r.Header.Get("Authorization") != "")
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// startDiscovery runs the discovery of a gateway in front of a provider and returns a function
// that requests a path and one that returns the log.
func startDiscovery(t *testing.T, p *provider, change ...func(*config.Config)) (request func(path string) *httptest.ResponseRecorder, logged func() string) {
	t.Helper()
	var lines bytes.Buffer
	c := testConfig(t, "https://a:8443", &lines, change...)
	c.Transports = Transports{p, p, p}
	g := New(c)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); synctest.Wait(); g.Close() })
	go g.watchMetadata(ctx, false)
	synctest.Wait()
	return func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader("grant_type=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("app", "s3cret-one")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w
	}, func() string { synctest.Wait(); return lines.String() }
}

// TestProviderThatComesLater checks that a gateway whose provider is down at the start sends
// nothing on, discovers the endpoints when the provider is back, and follows those that move.
func TestProviderThatComesLater(t *testing.T) {
	for document, want := range map[string]string{
		"":  "the provider has no metadata document there",
		"{": "metadata fetch failed",
		`{"issuer":"https://a:8443","token_endpoint":"https://b/token"}`: "configure public_url or endpoints",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{}
			p.document.Store(document)
			request, logged := startDiscovery(t, p)
			for _, path := range []string{"/one", "/anything"} {
				if w := request(path); w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"error":"temporarily_unavailable"`) {
					t.Errorf("%s: got %d %v %s", path, w.Code, w.Header(), w.Body)
				}
			}
			for _, current := range []string{"/one", "/two"} {
				p.document.Store(`{"issuer":"https://a:8443","token_endpoint":"https://a:8443` + current + `"}`)
				time.Sleep(time.Hour)
				for _, path := range []string{"/one", "/two"} {
					w := request(path)
					if fronted := strings.Contains(w.Body.String(), `"basic":false`); fronted != (path == current) || fronted && w.Header().Get("WWW-Authenticate") != `Basic realm="https://a:8443"` {
						t.Errorf("%s is the endpoint, at %s got %v %s", current, path, w.Header(), w.Body)
					}
				}
			}
			if log := logged(); !strings.Contains(log, want) || strings.Count(log, "metadata fetch failed") != 1 || strings.Count(log, "discovered endpoints") != 2 {
				t.Errorf("%q: the log lacks %q, or says something twice:\n%s", document, want, log)
			}
		})
	}
}

// TestD01MetadataWaitsForDiscovery checks that the first request for metadata gets the
// augmented document.
func TestD01MetadataWaitsForDiscovery(t *testing.T) {
	p := &provider{}
	p.document.Store(`{"issuer":"https://a","token_endpoint":"https://a/t"}`)
	c := testConfig(t, "https://a", io.Discard)
	c.Transports = Transports{p, p, p}
	g := New(c)
	defer g.Close()
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://a/.well-known/oauth-authorization-server", nil))
	if !strings.Contains(w.Body.String(), "client_secret_basic") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// TestConfiguredEndpointsNeedNoMetadata checks that configured endpoints work without
// metadata, and that the issuer becomes the realm when it is known.
func TestConfiguredEndpointsNeedNoMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.document.Store("")
		request, _ := startDiscovery(t, p, func(c *config.Config) { c.Endpoints = map[string]string{"token": "/t"} })
		for _, want := range []string{"a:8443", "https://issuer"} {
			if got := request("/t").Header().Get("WWW-Authenticate"); got != `Basic realm="`+want+`"` {
				t.Errorf("got %s, want the realm %s", got, want)
			}
			p.document.Store(`{"issuer":"https://issuer","token_endpoint":"https://issuer/t"}`)
			time.Sleep(time.Hour)
		}
	})
}

// slowProvider is a transport whose OpenID metadata, which counts if the status of the other
// document is not 200, takes 4 seconds to arrive and names another endpoint.
type slowProvider struct{ status atomic.Int64 }

// RoundTrip implements [http.RoundTripper].
func (p *slowProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	status, path, wait := int(p.status.Load()), "/new", time.Duration(0)
	if strings.HasSuffix(r.URL.Path, "openid-configuration") {
		status, path, wait = http.StatusOK, "/old", 4*time.Second
	}
	text := `{"issuer":"https://a","token_endpoint":"https://a` + path + `","authorization_endpoint":"https://a/a","jwks_uri":"https://a/j",` +
		`"response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(&slowReader{strings.NewReader(text), wait}), Request: r}, nil
}

// slowReader waits before the first byte.
type slowReader struct {
	io.Reader
	wait time.Duration
}

// Read implements [io.Reader].
func (r *slowReader) Read(p []byte) (int, error) {
	time.Sleep(r.wait)
	r.wait = 0
	return r.Reader.Read(p)
}

// TestA135OlderDiscoveryDoesNotReplaceNewer checks that a document that begins to arrive
// before another one and ends after it does not replace the newer routes, whether the newer
// document gave them or confirmed them.
func TestA135OlderDiscoveryDoesNotReplaceNewer(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := &slowProvider{}
			p.status.Store(http.StatusOK)
			c := testConfig(t, "https://a", io.Discard, func(c *config.Config) { c.Metadata.TTL, c.Metadata.StaleFor = time.Second, 0 })
			c.Transports = Transports{p, p, p}
			g := New(c)
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
			p.status.Store(http.StatusInternalServerError)
			older := make(chan struct{})
			go func() { discover(); close(older) }()
			synctest.Wait() // the older document is arriving
			time.Sleep(3500 * time.Millisecond)
			p.status.Store(http.StatusOK)
			discover()
			<-older
			if got := g.routes.Load().known.Endpoints[clientauth.Token].Path; got != "/new" {
				t.Errorf("confirmed %v: the older document is in force: %s", confirmed, got)
			}
		})
	}
}

// TestTransportsAreSeparate checks that no kind of request can use up the connections of
// another one.
func TestTransportsAreSeparate(t *testing.T) {
	g := New(testConfig(t, "https://a", io.Discard))
	defer g.Close()
	if c := g.config.Transports; c.Fronted == c.Metadata || c.Fronted == c.Passthrough || c.Metadata == c.Passthrough {
		t.Error("a transport is shared")
	}
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

// TestHostsAgainstPattern checks each short text of characters that matter.
func TestHostsAgainstPattern(t *testing.T) {
	pattern := regexp.MustCompile(`^(?:[0-9A-Za-z._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?$`)
	const characters = "0fz:[]./"
	for length, texts := 0, []string{""}; length < 6; length++ {
		var longer []string
		for _, text := range texts {
			if isHost(text) != pattern.MatchString(text) {
				t.Errorf("%q: %v", text, isHost(text))
			}
			for _, c := range characters {
				longer = append(longer, text+string(c))
			}
		}
		texts = longer
	}
	for c := range rune(0x100) {
		for _, text := range []string{string(c), "[" + string(c) + "]", "a:" + string(c)} {
			if isHost(text) != pattern.MatchString(text) {
				t.Errorf("%q: %v", text, isHost(text))
			}
		}
	}
}
