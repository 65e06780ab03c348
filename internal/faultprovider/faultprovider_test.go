package faultprovider_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/faultprovider"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// provider is a started provider.
type provider struct {
	*faultprovider.Provider
	address  string
	mu       sync.Mutex
	observed []faultprovider.Observation
}

func start(t *testing.T, config faultprovider.Config) *provider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{address: l.Addr().String()}
	config.PublicURL = "https://provider.example"
	config.Observe = func(o faultprovider.Observation) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.observed = append(p.observed, o)
	}
	if p.Provider, err = faultprovider.New(config); err == nil {
		err = p.Start(l)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *provider) dial(t *testing.T) net.Conn {
	t.Helper()
	t.Cleanup(p.Close)
	c, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

const form = "grant_type=authorization_code&client_id=one&client_secret=s3cret-of-one"

// tokenRequest returns a valid token request with further header fields.
func tokenRequest(code string, fields ...string) string {
	return formRequest(form+"&code="+code, fields...)
}

func formRequest(body string, fields ...string) string {
	fields = append(fields, "Host: provider.example", "Content-Type: application/x-www-form-urlencoded", fmt.Sprintf("Content-Length: %d", len(body)))
	return "POST /oauth2/tokens HTTP/1.1\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n" + body
}

func metadataRequest(fields ...string) string {
	return "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: provider.example\r\n" + strings.Join(append(fields, "", ""), "\r\n")
}

// exchange sends requests and returns everything until the end of the connection.
func exchange(c net.Conn, requests string) (string, error) {
	if _, err := io.WriteString(c, requests); err != nil {
		return "", err
	}
	_ = c.(*net.TCPConn).CloseWrite() // may be reset by now
	raw, err := io.ReadAll(c)
	return string(raw), err
}

// status sends a request and returns the status of the response.
func status(t *testing.T, c net.Conn, r *bufio.Reader, request string) int {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// TestNoFaults checks that without faults a code works once, credentials count in the form only, and there is metadata.
func TestNoFaults(t *testing.T) {
	p := start(t, faultprovider.Config{})
	c := p.dial(t)
	r := bufio.NewReader(c)
	for _, test := range []struct {
		request string
		status  int
	}{
		{tokenRequest("first"), 200},
		{tokenRequest("second"), 200},
		{tokenRequest("first"), 400},
		{tokenRequest(""), 400},
		{"POST /oauth2/tokens HTTP/1.1\r\nHost: a\r\nAuthorization: Basic b25lOnMzY3JldA==\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n\r\ncode=x", 400},
		{metadataRequest(), 200},
		{"POST /oauth2/revoke HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 400},
		{"GET /dashboard HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	} {
		if got := status(t, c, r, test.request); got != test.status {
			t.Errorf("got %d, want %d to\n%s", got, test.status, test.request)
		}
	}
	if got := p.RepeatedGrants(); len(got) != 1 || got[0] != "first" || p.Grants() != 3 || p.Counts()[faultprovider.NoFault] != 8 {
		t.Errorf("repeated %q of %d, counts %v", got, p.Grants(), p.Counts())
	}
	want := faultprovider.Observation{Connection: 1, Method: "POST", Path: "/oauth2/tokens", Authorization: true, Fault: faultprovider.NoFault}
	if p.observed[4] != want {
		t.Errorf("observed %+v, want %+v", p.observed[4], want)
	}
}

// TestRepeatedGrants checks that codes and refresh tokens are counted whether or not there is a response.
func TestRepeatedGrants(t *testing.T) {
	p := start(t, faultprovider.Config{Interval: 5 * time.Second})
	for range 2 {
		if raw, err := exchange(p.dial(t), tokenRequest("lost", faultprovider.Header+": close-after-request")); raw != "" || err != nil {
			t.Errorf("got %q, %v", raw, err)
		}
		if _, err := exchange(p.dial(t), formRequest(form+"&refresh_token=again", "Connection: close")); err != nil {
			t.Error(err)
		}
	}
	raw, err := exchange(p.dial(t), tokenRequest("one", faultprovider.Header+": close-idle")+tokenRequest("one"))
	if err != nil || strings.Count(raw, "HTTP/1.1 ") != 1 {
		t.Errorf("got %q, %v", raw, err)
	}
	if got := strings.Join(p.RepeatedGrants(), " "); got != "again lost one" {
		t.Errorf("repeated: %s", got)
	}
}

// faults returns the faults of a number of token requests.
func faults(t *testing.T, seed uint64, requests int, rates faultprovider.Rates) (names []string) {
	t.Helper()
	p := start(t, faultprovider.Config{Seed: seed, Rates: rates})
	c := p.dial(t)
	r := bufio.NewReader(c)
	for range requests {
		status(t, c, r, tokenRequest("same"))
	}
	for _, o := range p.observed {
		names = append(names, o.Fault)
	}
	return names
}

// TestRates checks that a seed repeats a run, and that the rates come true.
func TestRates(t *testing.T) {
	rates := faultprovider.Rates{"redirect-302": 20, "html-500": 5, "close-on-accept": 0, "metadata-404": 100}
	names := faults(t, 7, 2000, rates)
	n := map[string]int{}
	for _, name := range names {
		n[name]++
	}
	if n["redirect-302"] < 360 || n["redirect-302"] > 440 || n["html-500"] < 75 || n["html-500"] > 125 || len(n) != 3 || len(names) != 2000 {
		t.Errorf("got %v with %v", n, rates)
	}
	if again := faults(t, 7, 100, rates); !slices.Equal(again, names[:100]) {
		t.Error("the same seed does not repeat the run")
	}
	if other := faults(t, 8, 100, rates); slices.Equal(other, names[:100]) {
		t.Error("another seed repeats the run")
	}
}

func TestParseRates(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "",
		"truncated=5,redirect-307=0.5,": "",
		"truncated":                     `"truncated" is not name=percentage, such as truncated=5`,
		"truncated=x":                   `"truncated=x" is not name=percentage, such as truncated=5`,
		"truncated=1,truncated=2":       "truncated has two rates",
		"nonsense=1,truncated=-1":       "nonsense: unknown fault\ntruncated: a rate is between 0 and 100",
		"truncated=60,silence=60":       "the rates for a request are more than 100",
	} {
		got := ""
		r, err := faultprovider.ParseRates(text)
		if err != nil {
			got = err.Error()
		}
		if got != want || strings.HasSuffix(text, ",") && !maps.Equal(r, faultprovider.Rates{"truncated": 5, "redirect-307": 0.5}) {
			t.Errorf("%s: got %v, %q, want %q", text, r, got, want)
		}
	}
}
