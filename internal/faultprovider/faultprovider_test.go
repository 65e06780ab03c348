package faultprovider_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/faultprovider"
	"oauthgw/internal/legacy"
)

// form is a token request that a well-behaved provider grants; %s is the code.
const form = "grant_type=authorization_code&client_id=one&client_secret=s3cret-of-one&code=%s"

// provider is a hostile provider that listens.
type provider struct {
	*faultprovider.Provider
	address  string
	mu       sync.Mutex
	arrivals []faultprovider.Observation
}

func start(t *testing.T, config faultprovider.Config) *provider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, l, config)
}

func startOn(t *testing.T, l net.Listener, config faultprovider.Config) *provider {
	t.Helper()
	p := &provider{address: l.Addr().String()}
	config.PublicURL = "https://provider.example"
	config.Observe = func(a faultprovider.Observation) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.arrivals = append(p.arrivals, a)
	}
	var err error
	if p.Provider, err = faultprovider.New(config); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// dial returns a connection that does not outlast the test's patience.
func (p *provider) dial(t *testing.T) net.Conn {
	t.Helper()
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

// tokenRequest returns a token request, with header fields as lines.
func tokenRequest(code string, fields ...string) string {
	body := fmt.Sprintf(form, code)
	head := "POST " + faultprovider.TokenPath + " HTTP/1.1\r\nHost: provider.example\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	for _, f := range fields {
		head += f + "\r\n"
	}
	return head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

func documentRequest(fields ...string) string {
	return "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: provider.example\r\n" + strings.Join(append(fields, "", ""), "\r\n")
}

// says sends a request, and nothing behind it, and returns what comes until the
// end of the connection.
func says(c net.Conn, request string) (string, error) {
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	_ = c.(*net.TCPConn).CloseWrite() // which may have been reset by now
	raw, err := io.ReadAll(c)
	return string(raw), err
}

// statusOf sends a request on a connection that stays, and returns the status of
// the reply.
func statusOf(t *testing.T, c net.Conn, r *bufio.Reader, request string) int {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// Whatever it is not told to spoil it does well: a code is worth tokens once,
// credentials count in the form alone, and there is metadata.
func TestWellBehaved(t *testing.T) {
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
		{documentRequest(), 200},
		{"POST /oauth2/revoke HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 400},
		{"GET /dashboard HTTP/1.1\r\nHost: a\r\n\r\n", 200},
	} {
		if got := statusOf(t, c, r, test.request); got != test.status {
			t.Errorf("got %d, want %d to\n%s", got, test.status, test.request)
		}
	}
	if got := p.RepeatedGrants(); len(got) != 1 || got[0] != "first" {
		t.Errorf("seen again: %q", got)
	}
	if p.Grants() != 3 || p.Counts()[faultprovider.NoFault] != 8 {
		t.Errorf("seen %d, totals %v", p.Grants(), p.Counts())
	}
	want := faultprovider.Observation{Connection: 1, Method: "POST", Path: "/oauth2/tokens", Authorization: true, Fault: faultprovider.NoFault}
	if p.arrivals[4] != want {
		t.Errorf("observed %+v, want %+v", p.arrivals[4], want)
	}
}

// A code counts as seen also where it was not answered, and a refresh token
// counts as a code does.
func TestCodesAreRememberedWhateverBecomesOfThem(t *testing.T) {
	p := start(t, faultprovider.Config{})
	for range 2 {
		if raw, err := says(p.dial(t), tokenRequest("lost", faultprovider.Header+": close-after-request")); raw != "" || err != nil {
			t.Errorf("got %q, %v", raw, err)
		}
		body := "grant_type=refresh_token&refresh_token=again"
		request := fmt.Sprintf("POST /oauth2/tokens HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if _, err := says(p.dial(t), request); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(p.RepeatedGrants(), " "); got != "again lost" {
		t.Errorf("seen again: %s", got)
	}
}

// A connection that is closed while idle may have brought a request by then:
// that has arrived.
func TestRequestOnAConnectionThatIsClosedWhileIdle(t *testing.T) {
	p := start(t, faultprovider.Config{Interval: 5 * time.Second})
	c := p.dial(t)
	raw, err := says(c, tokenRequest("one", faultprovider.Header+": close-idle")+tokenRequest("two"))
	if err != nil || strings.Count(raw, "HTTP/1.1 ") != 1 || p.Grants() != 2 {
		t.Errorf("got %q, %v; seen %d", raw, err, p.Grants())
	}
}

// Configured clients are the only ones.
func TestKnownClients(t *testing.T) {
	p := start(t, faultprovider.Config{Clients: []legacy.Client{{ID: "one", Secret: "other"}}})
	raw, err := says(p.dial(t), tokenRequest("x", "Connection: close"))
	if err != nil || !strings.HasPrefix(raw, "HTTP/1.1 401 ") || !strings.Contains(raw, "invalid_client") {
		t.Errorf("got %q, %v", raw, err)
	}
}
