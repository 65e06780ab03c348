package proxy_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/upstream"
	"oauthgw/metrics"
	"oauthgw/proxy"

	"go.uber.org/goleak"
)

const (
	basicField  = "Basic YXBwOnMzY3JldC1vbmU="
	tokenForm   = "grant_type=authorization_code&code=c0de-value"
	tokenAnswer = `{"access_token":"t0ken-value"}`
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeProvider is a provider on a real socket that answers each connection's
// first request as its script says.
type fakeProvider struct {
	net.Listener
	requests atomic.Int64 // that have arrived whole
}

// startProvider runs a script for every connection. The script receives the
// connection when the whole request has arrived.
func startProvider(t *testing.T, script func(net.Conn)) *fakeProvider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &fakeProvider{Listener: l}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { defer c.Close(); p.serve(c, script) })
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return p
}

func (p *fakeProvider) serve(c net.Conn, script func(net.Conn)) {
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	if _, err = io.Copy(io.Discard, r.Body); err == nil {
		p.requests.Add(1)
		script(c)
	}
}

// respond returns a response of a provider to a request.
func respond(r *http.Request, status int, header http.Header, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// roundTripper is a transport that is a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// over sets the transport.
func over(f roundTripper) func(*proxy.Config) {
	return func(c *proxy.Config) { c.Transport = f }
}

// endpointOver returns a handler of the token endpoint.
func endpointOver(t testing.TB, f roundTripper, change ...func(*proxy.Config)) http.Handler {
	t.Helper()
	return newHandler(t, "http://provider.example", &front{metrics: metrics.New(metrics.Build{}), log: new(bytes.Buffer)}, append(change, over(f))...)
}

// passthroughOver returns a handler of all other paths.
func passthroughOver(upstream string, transport http.RoundTripper) http.Handler {
	u, err := url.Parse(upstream)
	if err != nil {
		panic(err)
	}
	return proxy.NewPassthrough(proxy.PassthroughConfig{Upstream: u, Transport: transport, Stall: 10 * time.Second, Metrics: metrics.New(metrics.Build{})})
}

// logged writes a log line for each request that a handler serves.
func logged(h http.Handler, log slog.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder, w := responserecorder.Wrap(w)
		defer func() {
			attrs := recorder.AppendAttrs([]slog.Attr{slog.Int("status", recorder.Status())})
			slog.New(log).LogAttrs(r.Context(), recorder.Level, "request", attrs...)
		}()
		h.ServeHTTP(w, r)
	})
}

// serve serves a request with a body and header fields. A name without a value is not set.
func serve(h http.Handler, method, target, body string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Method = method
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// ofForm returns the header of a form, and further fields.
func ofForm(more ...string) http.Header {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for i := 0; i+1 < len(more); i += 2 {
		if more[i+1] != "" {
			h.Set(more[i], more[i+1])
		}
	}
	return h
}

// says returns a script that sends text and hangs up.
func says(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

// silent is a script that answers nothing until the other side leaves.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// front is a fronted endpoint on a real socket.
type front struct {
	*httptest.Server
	metrics *metrics.Metrics
	log     *bytes.Buffer
}

func startFront(t *testing.T, upstream string, change ...func(*proxy.Config)) *front {
	t.Helper()
	f := &front{metrics: metrics.New(metrics.Build{}), log: new(bytes.Buffer)}
	h := newHandler(t, upstream, f, change...)
	f.Server = httptest.NewServer(h)
	f.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	t.Cleanup(f.Close)
	return f
}

func newHandler(t testing.TB, origin string, f *front, change ...func(*proxy.Config)) http.Handler {
	t.Helper()
	target, err := url.Parse(origin + "/oauth2/tokens")
	if err != nil {
		t.Fatal(err)
	}
	transport := upstream.New(upstream.Config{Server: target})
	t.Cleanup((&http.Client{Transport: transport}).CloseIdleConnections)
	config := proxy.Config{
		Endpoint: clientauth.Token, Target: target,
		Rules: clientauth.New(clientauth.Config{}), Realm: "example", Stall: 10 * time.Second,
		Transport: transport, Metrics: f.metrics,
	}
	for _, c := range change {
		c(&config)
	}
	h, err := proxy.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return logged(h, slog.NewJSONHandler(f.log, nil))
}

func within(d time.Duration) func(*proxy.Config) {
	return func(c *proxy.Config) { c.Transport = upstream.New(upstream.Config{Server: c.Target, Timeout: d}) }
}

func at(e clientauth.Endpoint) func(*proxy.Config) {
	return func(c *proxy.Config) { c.Endpoint = e }
}

// post sends a token request with HTTP Basic and returns status, header, body.
func (f *front) post(t *testing.T, header ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, f.URL+"/oauth2/tokens", strings.NewReader(tokenForm))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", basicField)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// raw sends text over a connection of their own and returns what comes back
// until the gateway hangs up.
func (f *front) raw(t *testing.T, text string, then func(*net.TCPConn)) string {
	t.Helper()
	c, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	if then != nil {
		then(c.(*net.TCPConn))
	}
	answer, _ := io.ReadAll(c) // a reset ends it as well
	return string(answer)
}

// encoded is an Authorization field of a real client.
type encoded struct{ Name, Header string }

// TestH06EveryClientReachesAStrictReader checks that a provider that reads only the header, and
// decodes both halves as the standard says, reads the credentials of each known client.
func TestH06EveryClientReachesAStrictReader(t *testing.T) {
	text, err := os.ReadFile("../clientauth/testdata/basic.json")
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		ID       string `json:"client_id"`
		Secret   string `json:"client_secret"`
		Encoders []encoded
	}
	if err := json.Unmarshal(text, &known); err != nil || len(known.Encoders) < 9 {
		t.Fatalf("%d encoders, %v", len(known.Encoders), err)
	}
	for _, e := range known.Encoders {
		expectPair(t, e.Name, "grant_type=x", ofForm("Authorization", e.Header), known.ID, known.Secret)
	}
	for _, pair := range [][2]string{
		{known.ID, known.Secret}, {"a:b", ":"}, {"a%3Ab", "%253A"}, {"a+b", "+ +"}, {"é 世界", "\u00a0é"}, {"a", "s&client_id=b"}, {"~-._", "~-._"}, {"a", strings.Repeat("%", 4096)},
	} {
		form := url.Values{"grant_type": {"x"}, "client_id": {pair[0]}, "client_secret": {pair[1]}}
		expectPair(t, "form", form.Encode(), ofForm(), pair[0], pair[1])
	}
}

// expectPair checks that a provider that reads only the header receives a pair there, in the
// standard's encoding, and nothing of it in the body.
func expectPair(t *testing.T, name, body string, header http.Header, id, secret string) {
	t.Helper()
	var field, sent string
	h := endpointOver(t, func(r *http.Request) (*http.Response, error) {
		text, err := io.ReadAll(r.Body)
		field, sent = strings.Join(r.Header["Authorization"], "|"), string(text)
		return respond(r, 200, http.Header{}, "{}"), err
	}, func(c *proxy.Config) { c.Clients = clients.New(clientauth.Basic, nil) })
	if w := serve(h, "POST", "/oauth2/tokens", body, header); w.Code != http.StatusOK || sent != "grant_type=x" {
		t.Errorf("%s: %d, the body is %q", name, w.Code, sent)
	}
	token, isBasic := strings.CutPrefix(field, "Basic ")
	text, err := base64.StdEncoding.DecodeString(token)
	first, second, _ := strings.Cut(string(text), ":")
	gotID, err1 := url.QueryUnescape(first)
	gotSecret, err2 := url.QueryUnescape(second)
	if !isBasic || err != nil || err1 != nil || err2 != nil || gotID != id || gotSecret != secret {
		t.Errorf("%s: %q is read as %q and %q, want %q and %q", name, field, gotID, gotSecret, id, secret)
	}
}
