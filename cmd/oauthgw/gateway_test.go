package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
)

// learning returns settings of a gateway that discovers everything from a provider.
func learning(t *testing.T, upstream string, change ...func(*config.Config)) config.Settings {
	t.Helper()
	c := config.Default()
	c.Upstream.URL, c.Listen, c.Admin.Listen = upstream, "127.0.0.1:0", "127.0.0.1:0"
	for _, f := range change {
		f(&c)
	}
	s, err := c.Validate()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventually waits for a condition that another goroutine fulfils.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

const basicRequest = "POST %s HTTP/1.1\nHost: a\nAuthorization: Basic YXBwOnMzY3JldC1vbmU=\nContent-Type: application/x-www-form-urlencoded\n\ngrant_type=x"

// writeCertificate writes the certificate of a test server to a file.
func writeCertificate(t *testing.T, server *httptest.Server) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(name, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
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
	var lines syncBuffer
	o := nobody()
	o.newLog = func(s config.Settings) *slog.Logger { return newLog(s, &lines) }
	g, err := newGatewayOver(ways{over, over, over}, learning(t, "https://a", change...), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); synctest.Wait(); g.close() })
	go g.keepLearning(ctx)
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
		up := false
		request, logged := startDiscovery(t, func(r *http.Request) (string, error) {
			switch {
			case !up && !isWellKnown(r):
				t.Errorf("%s was sent", r.URL.Path)
				fallthrough
			case !up:
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
		up = true
		time.Sleep(time.Minute)
		if w := request("/t"); w.Code != 401 || w.Header().Get("WWW-Authenticate") != `Basic realm="https://a"` {
			t.Errorf("got %d %v", w.Code, w.Header())
		}
		if w := request("/.well-known/oauth-authorization-server"); !strings.Contains(w.Body.String(), `"client_secret_basic"`) {
			t.Errorf("got %s", w.Body)
		}
		if log := logged(); strings.Count(log, "cannot be read") != 1 || strings.Count(log, "endpoints known") != 1 {
			t.Errorf("failing and recovering were not logged once each:\n%s", log)
		}
	})
}

// TestProviderThatChangesItsEndpoints checks that the gateway follows endpoints that move.
func TestProviderThatChangesItsEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := "/one"
		request, _ := startDiscovery(t, func(r *http.Request) (string, error) {
			if isWellKnown(r) {
				return fmt.Sprintf(`{"issuer":"https://a","token_endpoint":"https://a%s"}`, path), nil
			}
			return fmt.Sprintf(`{"authorization":%t}`, r.Header.Get("Authorization") != ""), nil
		})
		for _, path = range []string{"/one", "/two"} {
			time.Sleep(time.Hour)
			for _, asked := range []string{"/one", "/two"} {
				if got := request(asked).Body.String(); strings.Contains(got, "false") != (asked == path) {
					t.Errorf("%s is the endpoint, %s answers %s", path, asked, got)
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
		metadata := ""
		request, _ := startDiscovery(t, func(r *http.Request) (string, error) {
			if isWellKnown(r) {
				return metadata, nil
			}
			return `{"error":"invalid_client"}`, nil
		}, func(c *config.Config) {
			c.Upstream.URL, c.Endpoints = "https://a:8443", map[string]string{"token": "/t"}
		})
		for _, want := range []string{"a:8443", "https://issuer"} {
			if got := request("/t").Header().Get("WWW-Authenticate"); got != `Basic realm="`+want+`"` {
				t.Errorf("got %s, want the realm %s", got, want)
			}
			metadata = `{"issuer":"https://issuer","token_endpoint":"https://issuer/t"}`
			time.Sleep(time.Hour)
		}
	})
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

// TestA135OlderDiscoveryDoesNotReplaceNewer checks that a document that begins to arrive
// before another one and ends after it does not replace the newer routes, whether the newer
// document gave them or confirmed them.
func TestA135OlderDiscoveryDoesNotReplaceNewer(t *testing.T) {
	for _, confirmed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			status := http.StatusOK
			over := answering(func(r *http.Request) *http.Response {
				status, path, wait := status, "/new", time.Duration(0)
				if strings.HasSuffix(r.URL.Path, "openid-configuration") {
					status, path, wait = http.StatusOK, "/old", 4*time.Second
				}
				text := `{"issuer":"https://a","token_endpoint":"https://a` + path + `","authorization_endpoint":"https://a/a","jwks_uri":"https://a/j",` +
					`"response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
				return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(&slowly{strings.NewReader(text), wait}), Request: r}
			})
			g, err := newGatewayOver(ways{over, over, over}, learning(t, "https://a", func(c *config.Config) { c.Metadata.TTL, c.Metadata.StaleFor = time.Second, 0 }), nobody())
			if err != nil {
				t.Fatal(err)
			}
			defer g.close()
			learn := func() {
				if err := g.learn(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if confirmed {
				learn()
				time.Sleep(time.Minute)
			}
			status = http.StatusInternalServerError
			older := make(chan struct{})
			go func() { learn(); close(older) }()
			synctest.Wait() // the older document is arriving
			time.Sleep(3500 * time.Millisecond)
			status = http.StatusOK
			learn()
			<-older
			if got := g.routes.Load().known.Endpoints[clientauth.Token].Path; got != "/new" {
				t.Errorf("confirmed %v: the older document is in force: %s", confirmed, got)
			}
		})
	}
}

// TestHosts checks that a Host field holds a name or an address, and perhaps a port (RFC
// 9110 section 7.2), so that it can be part of a URL.
func TestHosts(t *testing.T) {
	for _, host := range strings.Fields("a login.example.com a_b-c~d:8080 a: 127.0.0.1:80 [::1] [::1]:8080 [::ffff:127.0.0.1]:") {
		if !namesHost(&http.Request{Host: host, ProtoMajor: 1, ProtoMinor: 1}) {
			t.Errorf("%q is refused", host)
		}
	}
	for _, host := range append(strings.Fields(":80 a/b a@b a:b a:80:80 a?b ::1 [] [::1 ::1] [::1]80 [a/b] [::1%lo] [[::1]] é a\x00 a%41 a,b"), "a b", "") {
		if namesHost(&http.Request{Host: host, ProtoMajor: 1, ProtoMinor: 1}) {
			t.Errorf("%q is accepted", host)
		}
	}
	if !namesHost(&http.Request{ProtoMajor: 1}) {
		t.Error("HTTP/1.0 needs no host")
	}
}
