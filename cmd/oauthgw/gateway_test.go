package main

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"oauthgw/internal/legacy"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// learning returns settings with which everything is learnt from a provider.
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

// eventually waits for a condition that only another goroutine can bring about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come to be", what)
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

// A provider that is down at the start is no reason to die, nor is anything
// sent on that could be a token request. When it comes back, so does the
// gateway, by itself.
func TestProviderThatComesLater(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	g := startGateway(t, learning(t, "http://"+address))
	for _, path := range []string{"/oauth2/tokens", "/anything", "/.well-known/oauth-authorization-server"} {
		answer := send(t, g.data, fmt.Sprintf(basicRequest, path))
		if !strings.HasPrefix(answer, "HTTP/1.1 503 ") || !strings.Contains(answer, "\nRetry-After: 1") ||
			!strings.Contains(answer, `"error":"temporarily_unavailable"`) {
			t.Errorf("%s: got %s", path, answer)
		}
	}
	if got := status(t, "http://"+g.admin+"/-/ready"); got != 503 {
		t.Errorf("ready answered %d before the endpoints were known", got)
	}
	if text := g.scrape(t); !strings.Contains(text, "oauthgw_ready 0\n") {
		t.Errorf("the metrics say otherwise:\n%s", text)
	}
	provider := httptest.NewUnstartedServer(legacy.New(legacy.Config{PublicURL: "http://" + g.data}))
	if provider.Listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	provider.Start()
	defer provider.Close()
	eventually(t, "readiness", func() bool { return status(t, "http://"+g.admin+"/-/ready") == 200 })
	if text := g.scrape(t); !strings.Contains(text, "oauthgw_ready 1\n") {
		t.Errorf("the metrics say otherwise:\n%s", text)
	}
	answer := send(t, g.data, fmt.Sprintf(basicRequest, "/oauth2/tokens"))
	if !strings.HasPrefix(answer, "HTTP/1.1 401 ") || !strings.Contains(answer, `Www-Authenticate: Basic realm="http://`+g.data+`"`) {
		t.Errorf("got %s", answer)
	}
	if answer := send(t, g.data, "GET /.well-known/oauth-authorization-server/mcp HTTP/1.1\nHost: a"); !strings.Contains(answer, `"client_secret_basic"`) {
		t.Errorf("got %s", answer)
	}
	if log := g.stop(); strings.Count(log, "cannot be read") != 1 || strings.Count(log, "endpoints known") != 1 {
		t.Errorf("failing and recovering were not logged once each:\n%s", log)
	}
}

// Endpoints that the provider moves are followed.
func TestProviderThatChangesItsEndpoints(t *testing.T) {
	var path atomic.Value
	path.Store("/one")
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			fmt.Fprintf(w, `{"issuer":"https://a","token_endpoint":"https://a%s"}`, path.Load())
			return
		}
		fmt.Fprintf(w, `{"authorization":%t}`, r.Header.Get("Authorization") != "")
	}))
	defer provider.Close()
	g := startGateway(t, learning(t, provider.URL, func(c *config.Config) { c.Metadata.TTL = 20 * time.Millisecond }))
	fronted := func(path string) bool {
		return strings.Contains(send(t, g.data, fmt.Sprintf(basicRequest, path)), `{"authorization":false}`)
	}
	eventually(t, "fronting the first endpoint", func() bool { return fronted("/one") && !fronted("/two") })
	path.Store("/two")
	eventually(t, "fronting the second endpoint", func() bool { return fronted("/two") && !fronted("/one") })
}

// A provider without metadata, or with endpoints that are elsewhere, is told
// to the operator in words that say what to configure.
func TestProviderThatNamesNoEndpoint(t *testing.T) {
	for document, want := range map[string]string{
		"": "the provider has no metadata document there",
		`{"issuer":"https://a","token_endpoint":"https://b/token"}`: "configure public_url or endpoints",
	} {
		provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if document == "" {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, document)
		}))
		g := startGateway(t, learning(t, provider.URL))
		if got := status(t, "http://"+g.data+"/"); got != 503 {
			t.Errorf("got %d", got)
		}
		if log := g.stop(); !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
		provider.Close()
	}
}

// Configured endpoints need no metadata, and the issuer becomes the realm when
// it is known.
func TestConfiguredEndpointsNeedNoMetadata(t *testing.T) {
	var metadata atomic.Bool
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case !strings.HasPrefix(r.URL.Path, "/.well-known/"):
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
		case metadata.Load():
			_, _ = io.WriteString(w, `{"issuer":"https://a","token_endpoint":"https://a/t"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer provider.Close()
	g := startGateway(t, learning(t, provider.URL, func(c *config.Config) { c.Endpoints = map[string]string{"token": "/t"} }))
	if got := status(t, "http://"+g.admin+"/-/ready"); got != 200 {
		t.Errorf("ready answered %d", got)
	}
	realm := func(want string) bool {
		return strings.Contains(send(t, g.data, fmt.Sprintf(basicRequest, "/t")), `Basic realm="`+want+`"`)
	}
	if !realm(strings.TrimPrefix(provider.URL, "http://")) {
		t.Error("the realm without an issuer is not the provider")
	}
	metadata.Store(true)
	eventually(t, "the issuer as realm", func() bool { return realm("https://a") })
}

// An event stream arrives event by event, and an upgraded connection carries
// both ways.
func TestStreamsPassThrough(t *testing.T) {
	release := make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "websocket" {
			echo(t, w)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, "data: two\n\n")
	}))
	defer provider.Close()
	g := startGateway(t, learning(t, provider.URL, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
	}))

	resp, err := http.Get("http://" + g.data + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewReader(resp.Body)
	if line, err := events.ReadString('\n'); line != "data: one\n" {
		t.Errorf("the first event is %q %v", line, err)
	}
	close(release)
	if rest, err := io.ReadAll(events); string(rest) != "\ndata: two\n\n" {
		t.Errorf("the rest is %q %v", rest, err)
	}

	c, err := net.Dial("tcp", g.data)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r := bufio.NewReader(c)
	upgraded, err := http.ReadResponse(r, nil)
	if err != nil || upgraded.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %v %v", upgraded, err)
	}
	_, _ = io.WriteString(c, "ping\n")
	if line, err := r.ReadString('\n'); line != "ping\n" {
		t.Errorf("the echo is %q %v", line, err)
	}
}

// echo switches protocols and sends one line back.
func echo(t *testing.T, w http.ResponseWriter) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	_ = rw.Flush()
	line, _ := rw.ReadString('\n')
	_, _ = rw.WriteString(line)
	_ = rw.Flush()
}

// What is under way when the end is asked for is answered.
func TestExchangesEndBeforeTheProgram(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"t0ken-value"}`)
	}))
	defer provider.Close()
	g := startGateway(t, learning(t, provider.URL, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
	}))
	answer := make(chan string)
	go func() { answer <- send(t, g.data, fmt.Sprintf(basicRequest, "/t")) }()
	<-arrived
	go g.stop()
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	if got := <-answer; !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("got %s", got)
	}
}

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

// A Host field holds a name or an address, and perhaps a port (RFC 9110 section
// 7.2), so that it can stand in a URL as it is.
func TestHosts(t *testing.T) {
	for host, named := range map[string]bool{
		"a": true, "login.example.com": true, "a_b-c~d:8080": true, "a:": true, "127.0.0.1:80": true,
		"[::1]": true, "[::1]:8080": true, "[::ffff:127.0.0.1]:": true,
		":80": false, "a b": false, "a/b": false, "a@b": false, "a:b": false, "a:80:80": false, "a?b": false,
		"::1": false, "[]": false, "[::1": false, "::1]": false, "[::1]80": false, "[a/b]": false, "[::1%lo]": false, "[[::1]]": false,
		"é": false, "a\x00": false, "a%41": false, "a,b": false,
	} {
		r := &http.Request{Host: host, ProtoMajor: 1, ProtoMinor: 1}
		if namesHost(r) != named {
			t.Errorf("%q: %v", host, !named)
		}
	}
	if namesHost(&http.Request{ProtoMajor: 1, ProtoMinor: 1}) || !namesHost(&http.Request{ProtoMajor: 1}) {
		t.Error("only HTTP/1.0 knows requests without a host")
	}
}
