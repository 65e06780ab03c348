package main

import (
	"bufio"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
)

// These tests send raw bytes, for requests that an exchange file cannot express.

const (
	// wireCode and the secret of wireHead, s3cret-Canary, are sent in requests and must not
	// appear in responses, metrics or the log.
	wireCode = "c0de-Canary"
	wireHead = "POST /t HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YXBwOnMzY3JldC1DYW5hcnk=\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	wireForm = "code=" + wireCode + "&grant_type=x"
	// wireRequest is a request that is answered with 200.
	wireRequest = wireHead + "Content-Length: 29\r\n\r\n" + wireForm
	// wireLast is sent after the test's bytes and asks to close the connection. A response to
	// it shows that the connection was still open.
	wireLast   = wireHead + "Connection: close\r\nContent-Length: 29\r\n\r\n" + wireForm
	wireChunks = "1d\r\n" + wireForm + "\r\n0\r\n\r\n"
)

// wireTest is what a client sends over one connection, and the expected result.
type wireTest struct {
	sends string
	// statuses is a regular expression for the status codes of all responses, separated by
	// spaces. If the connection stays open after the test's bytes, the last code is for wireLast.
	statuses string
	requests int    // number of requests that reach the provider
	unseen   string // text that no request to the provider may contain, in any case
	half     bool   // the client closes its sending side instead of sending wireLast
}

// runWireTests runs tests, each against a gateway of its own, and looks for secrets in its log
// and metrics afterwards.
func runWireTests(t *testing.T, tests map[string]wireTest, change ...func(*config.Config)) {
	change = append(change, func(c *config.Config) { c.Log.Level = "debug" })
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider := startScriptedProvider(t)
			provider.answer("HTTP/1.1 200 OK\nContent-Type: application/json\n\n{}")
			g := frontedGateway(t, provider.url(), change...)
			answers := strings.Join(statusesOnWire(t, g.data, test), " ")
			if !regexp.MustCompile("^(?:" + test.statuses + ")$").MatchString(answers) {
				t.Errorf("answered %q, want %q", answers, test.statuses)
			}
			provider.mu.Lock()
			requests := provider.requests
			provider.mu.Unlock()
			if len(requests) != test.requests {
				t.Errorf("the provider received %d requests, want %d: %q", len(requests), test.requests, requests)
			}
			if test.unseen != "" && strings.Contains(strings.ToLower(strings.Join(requests, "\n")), strings.ToLower(test.unseen)) {
				t.Errorf("the provider saw %q: %q", test.unseen, requests)
			}
			expectNoCanary(t, g)
		})
	}
}

// statusesOnWire sends the bytes of a test, and wireLast, and returns the statuses of the
// responses.
func statusesOnWire(t *testing.T, address string, test wireTest) (statuses []string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		// The gateway may close the connection before it has read everything, so write errors
		// are ignored.
		if test.half {
			_, _ = io.WriteString(c, test.sends)
			_ = c.(*net.TCPConn).CloseWrite()
			return
		}
		_, _ = io.WriteString(c, test.sends+wireLast)
	}()
	r := bufio.NewReader(c)
	for {
		if _, err := r.Peek(1); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("after %v the connection stays open", statuses)
		} else if err != nil {
			return statuses
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("after %v: %v", statuses, err)
		}
		statuses = append(statuses, fmt.Sprint(resp.StatusCode))
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatalf("after %v: %v", statuses, err)
		}
		if strings.Contains(string(text), "Canary") {
			t.Errorf("the answer repeats what was sent: %s", text)
		}
	}
}

// expectNoCanary fails the test if a secret from the requests appears in the metrics or the log.
func expectNoCanary(t *testing.T, g testGateway) {
	t.Helper()
	expectNoSecrets(t, t.Name(), map[string]string{"metrics": g.settledMetrics(t), "log": g.stop()}, []string{"Canary"})
}

func TestA033A034A035A037A038A039A043Bodies(t *testing.T) {
	const chunked = wireHead + "Transfer-Encoding: chunked\r\n\r\n"
	trailer := wireHead + "Trailer: Authorization, X-Role\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n" + wireForm + "\r\n0\r\nAuthorization: Basic ZXZpbDplZQ==\r\nX-Role: admin\r\n\r\n"
	expecting := func(what string) string {
		return wireHead + "Expect: " + what + "\r\nContent-Length: 29\r\n\r\n" + wireForm
	}
	runWireTests(t, map[string]wireTest{
		"A033 a body without a length, read as the next request": {wireHead + "\r\n" + wireForm + "\r\n\r\n", "200 400", 1, wireCode, false},

		"A034 a gigabyte":            {wireHead + "Content-Length: 1000000000\r\n\r\n", "413", 0, "", false},
		"A034 a byte beyond the cap": {wireHead + "Content-Length: 65537\r\n\r\n", "413", 0, "", false},

		"A035 chunks without an end":       {chunked + strings.Repeat("1000\r\n"+strings.Repeat("a", 0x1000)+"\r\n", 100), "413", 0, "", false},
		"A035 chunks of one byte":          {chunked + strings.Repeat("1\r\na\r\n", 70000), "413|400", 0, "", false},
		"A035 chunks with long extensions": {chunked + strings.Repeat("1;"+strings.Repeat("x", 1024)+"\r\na\r\n", 1000), "413|400", 0, "", false},

		"A037 a trailer with a role":           {trailer, "200", 1, "role", false},
		"A037 a trailer that is announced":     {trailer, "200", 1, "trailer", false},
		"A037 a trailer with Authorization":    {trailer, "200", 1, "authorization", false},
		"A037 a trailer that is not announced": {strings.Replace(trailer, "Trailer: Authorization, X-Role\r\n", "", 1), "200", 1, "role", false},

		"A038 ends early, with a length": {wireHead + "Content-Length: 100\r\n\r\n" + wireForm, "400", 0, "", true},
		"A038 ends early, in chunks":     {chunked + "1d\r\n" + wireForm, "400", 0, "", true},

		"A039 an expectation":     {expecting("100-continue"), "100 200 200", 2, "expect:", false},
		"A039 other expectations": {expecting("x"), "417", 0, "", false},

		"A043 a folded Authorization": {strings.Replace(wireRequest, "Basic ", "Basic\r\n ", 1), "200 200", 2, "authorization", false},
	})
}

func TestA021LongParameters(t *testing.T) {
	form := func(name, value int) string {
		body := strings.Repeat("n", name) + "=" + strings.Repeat("v", value)
		return wireHead + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	runWireTests(t, map[string]wireTest{
		"name and value at their limits": {form(64, 16<<10), "200 200", 2, "", false},
		"value over the limit":           {form(64, 16<<10+1), "400 200", 1, "", false},
		"value over the body limit":      {form(64, 65<<10), "413", 0, "", false},
		"name over the limit":            {form(65, 1), "400 200", 1, "", false},
		"name over the body limit":       {form(65<<10, 1), "413", 0, "", false},
	})
}

// testSettings returns settings of a gateway that discovers everything from a provider.
func testSettings(t testing.TB, upstream string, change ...func(*config.Config)) config.Settings {
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
