package faultprovider_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/faultprovider"
)

const (
	wireBody  = `\{"access_token":"hostile_token_[A-Z2-7]{26}","expires_in":3600,"refresh_token":"hostile_token_[A-Z2-7]{26}","token_type":"Bearer"\}\n`
	wireSize  = 159
	largeSize = 1 << 20
)

var abbreviations = strings.NewReplacer("HEAD", `HTTP/1\.1 200 OK\r\nContent-Type: application/json\r\n`, "BODY", wireBody,
	"HALF", `\{"access_token":"hostile_token_[^}]*`, "SIZE", "159")

// onTheWire are the bytes on the wire of each fault as expressions. HEAD is the head of a
// normal response without its framing, BODY its body and SIZE its length, HALF half of it.
var onTheWire = map[string]string{
	"no-challenge":             jsonMessage(`401 Unauthorized`, `\{"error":"invalid_client"\}`),
	"invalid-client-400":       jsonMessage(`400 Bad Request`, `\{"error":"invalid_client"\}`),
	"invalid-client-403":       jsonMessage(`403 Forbidden`, `\{"error":"invalid_client"\}`),
	"invalid-client-200":       jsonMessage(`200 OK`, `\{"error":"invalid_client"\}`),
	"invalid-client-bom":       jsonMessage(`400 Bad Request`, `\x{feff}\{"error":"invalid_client"\}`),
	"invalid-client-capital":   jsonMessage(`400 Bad Request`, `\{"Error":"invalid_client"\}`),
	"invalid-client-duplicate": jsonMessage(`400 Bad Request`, `\{"error":"invalid_grant","error":"invalid_client"\}`),
	"invalid-client-escaped":   jsonMessage(`400 Bad Request`, `\{"error":"invalid\\u005fclient"\}`),
	"invalid-client-trailing":  jsonMessage(`400 Bad Request`, `\{"error":"invalid_client"\} \{.*\}`),
	"invalid-client-array":     jsonMessage(`400 Bad Request`, `\[\{"error":"invalid_client"\}\]`),
	"invalid-client-deep":      jsonMessage(`400 Bad Request`, `\{"error":"invalid_client","x":\[+\]+\}`),

	"large-body":     `HEADContent-Length: 1048576\r\n\r\n +`,
	"endless-chunks": `HEADTransfer-Encoding: chunked\r\n\r\n10000\r\n +\r\n10000\r\n.*10000\r\n +`,

	"truncated":        `HEADContent-Length: SIZE\r\n\r\nHALF`,
	"truncated-header": `HTTP/1\.1 200 OK\r\nCont[^\n]*`,
	"truncated-chunks": `HEADTransfer-Encoding: chunked\r\n\r\n4f\r\nHALF\r\n`,
	"reset-in-body":    `HEADContent-Length: SIZE\r\n\r\nHALF`,
	"half-json":        `HEADConnection: close\r\n\r\nHALF`,

	"redirect-302": `HTTP/1\.1 302 Found\r\nLocation: https://elsewhere\.invalid/steal\r\nContent-Length: 0\r\n\r\n`,
	"redirect-307": `HTTP/1\.1 307 Temporary Redirect\r\nLocation: https://elsewhere\.invalid/steal\r\nContent-Length: 0\r\n\r\n`,
	"redirect-308": `HTTP/1\.1 308 Permanent Redirect\r\nLocation: https://elsewhere\.invalid/steal\r\nContent-Length: 0\r\n\r\n`,
	"status-099":   jsonMessage(`099 Odd`, `\{"access_token":.*\}`),
	"status-600":   jsonMessage(`600 Odd`, `\{"access_token":.*\}`),
	"status-999":   jsonMessage(`999 Odd`, `\{"access_token":.*\}`),
	"status-1000":  jsonMessage(`1000 Odd`, `\{"access_token":.*\}`),
	"status-101":   `HTTP/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
	"status-204":   `HTTP/1\.1 204 No Content\r\n\r\n`,
	"status-205":   `HTTP/1\.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n`,

	"interim-storm": `(?:HTTP/1\.1 100 Continue\r\n\r\n){1000}HEADContent-Length: SIZE\r\n\r\nBODY`,
	"early-hints":   `HTTP/1\.1 103 Early Hints\r\nSet-Cookie: early=1\r\nLink: [^\r]+\r\n\r\nHEADContent-Length: SIZE\r\n\r\nBODY`,

	"length-and-chunks":  `HEADContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n9f\r\nBODY\r\n0\r\n\r\n`,
	"two-lengths":        `HEADContent-Length: SIZE\r\nContent-Length: 160\r\n\r\nBODY`,
	"signed-length":      `HEADContent-Length: \+SIZE\r\n\r\nBODY`,
	"nul-in-header":      `HEADX-Odd: a\x00b\r\nContent-Length: SIZE\r\n\r\nBODY`,
	"banner":             `SSH-2\.0-[^\r]+\r\n`,
	"http-2-status-line": `HTTP/2\.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: SIZE\r\n\r\nBODY`,
	"second-reply":       `HEADContent-Length: SIZE\r\n\r\nBODYHEADContent-Length: \d+\r\n\r\n\{"access_token":"hostile_token_unsolicited",.*\}`,

	"large-header":  `HEADContent-Length: SIZE\r\nX-Odd: x+\r\n\r\nBODY`,
	"many-fields":   `HEADContent-Length: SIZE\r\nX-Odd-0: x\r\n(?:X-Odd-\d+: x\r\n)*X-Odd-9999: x\r\n\r\nBODY`,
	"chatty":        `HEADServer: Hostile/1\.0\r\nSet-Cookie: session=1; Path=/\r\nStrict-Transport-Security: max-age=31536000\r\nContent-Length: SIZE\r\n\r\nBODY`,
	"html-500":      `HTTP/1\.1 500 Internal Server Error\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: \d+\r\n\r\n<!DOCTYPE html>.*goroutine 17.*`,
	"storable":      `HTTP/1\.1 200 OK\r\nCache-Control: public, max-age=3600\r\nContent-Type: application/json\r\nContent-Length: SIZE\r\n\r\nBODY`,
	"echoed-secret": `HTTP/1\.1 400 Bad Request\r\n.*\r\n\r\n\{"error":"invalid_request","error_description":"The secret s3cret-of-one does not look well"\}\n`,

	"close-on-accept":     ``,
	"close-after-request": ``,
	"reset-after-request": ``,
	"close-idle":          `HEADContent-Length: SIZE\r\n\r\nBODY`,

	"metadata-issuer":     jsonMessage(`200 OK`, `.*"issuer":"https://elsewhere\.invalid".*`),
	"metadata-other-host": jsonMessage(`200 OK`, `.*"jwks_uri":"(https://elsewhere\.invalid/oauth2/tokens)".*"token_endpoint":"https://elsewhere\.invalid/oauth2/tokens".*`),
	"metadata-plain-http": jsonMessage(`200 OK`, `.*"jwks_uri":"http://elsewhere\.invalid/.*"token_endpoint":"http://elsewhere\.invalid/oauth2/tokens".*`),
	"metadata-userinfo":   jsonMessage(`200 OK`, `.*"jwks_uri":"https://login\.example\.com@elsewhere\.invalid/.*"token_endpoint":"https://login\.example\.com@elsewhere\.invalid/.*`),
	"metadata-link-local": jsonMessage(`200 OK`, `.*"jwks_uri":"http://169\.254\.169\.254/.*"token_endpoint":"http://169\.254\.169\.254/.*`),
	"metadata-file":       jsonMessage(`200 OK`, `.*"jwks_uri":"file:///etc/passwd".*"token_endpoint":"file:///etc/passwd".*`),
	"metadata-nan":        jsonMessage(`200 OK`, `\{.*"issuer":.*,"expires":NaN\}`),
	"metadata-duplicate":  jsonMessage(`200 OK`, `\{.*,"token_endpoint":"https://elsewhere\.invalid/a","token_endpoint":"https://elsewhere\.invalid/b"\}`),
	"metadata-deep":       jsonMessage(`200 OK`, `\{.*"issuer":.*,"x":\[+\]+\}`),
	"metadata-changing":   jsonMessage(`200 OK`, `.*"token_endpoint":"https://provider\.example/1".*`),
	"metadata-none":       jsonMessage(`200 OK`, `.*"token_endpoint_auth_methods_supported":\["none"\].*`),
	"metadata-large":      `HEADContent-Length: 1048576\r\n\r\n +`,
	"metadata-endless":    `HEADTransfer-Encoding: chunked\r\n\r\n10000\r\n +\r\n10000\r\n.*10000\r\n +`,
	"metadata-truncated":  `HTTP/1\.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\n\r\n\{"issuer":"https://provider\.example",[^}]*`,
	"metadata-redirect":   `HTTP/1\.1 302 Found\r\nLocation: https://elsewhere\.invalid/\.well-known/oauth-authorization-server\r\nContent-Length: 0\r\n\r\n`,
	"metadata-500":        `HTTP/1\.1 500 Internal Server Error\r\nContent-Type: text/html.*goroutine 17.*`,
	"metadata-404":        `HTTP/1\.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n`,
	"metadata-empty":      jsonMessage(`200 OK`, ``),
	"metadata-html":       `HTTP/1\.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: \d+\r\n\r\n<!DOCTYPE html>.*`,
}

func jsonMessage(status, body string) string {
	return `HTTP/1\.1 ` + status + `\r\nContent-Type: application/json\r\nContent-Length: \d+\r\n\r\n` + body
}

// slowFaults says which part of a response is slow. The other faults never respond.
var slowFaults = map[string]string{
	"silence": "", "half-close": "", "stalled-body": "", "slow-header": "head", "slow-body": "body", "metadata-slow": "body",
}

var testedElsewhere = map[string]bool{"gzip": true, "gzip-bomb": true, "metadata-gzip-bomb": true, "banner-at-once": true}

// requestFor returns a request for a fault.
func requestFor(f faultprovider.Fault) string {
	if f.Trigger == faultprovider.OnMetadata {
		return metadataRequest(faultprovider.Header+": "+f.Name, "Connection: close")
	}
	return tokenRequest(f.Name, faultprovider.Header+": "+f.Name, "Connection: close")
}

func TestWire(t *testing.T) {
	p := start(t, faultprovider.Config{LargeSize: largeSize, Interval: 1})
	for _, f := range faultprovider.Faults() {
		want, ok := onTheWire[f.Name]
		if _, slow := slowFaults[f.Name]; !ok && !slow && !testedElsewhere[f.Name] {
			t.Errorf("%s has no test", f.Name)
		}
		if !ok {
			continue
		}
		raw, err := exchange(p.dial(t), requestFor(f))
		if !regexp.MustCompile(`(?s)^` + abbreviations.Replace(want) + `$`).MatchString(shortened(raw)) {
			t.Errorf("%s (%s): got\n%.2000q", f.Name, f.Description, raw)
		}
		if reset := errors.Is(err, syscall.ECONNRESET); reset != strings.HasPrefix(f.Name, "reset-") || err != nil && !reset {
			t.Errorf("%s: the connection ended with %v", f.Name, err)
		}
		if size := largeSizes[f.Name]; len(raw) < size || size > 0 && len(raw) > size+1<<10 {
			t.Errorf("%s: got %d bytes, want %d", f.Name, len(raw), size)
		}
		if p.Counts()[f.Name] != 1 {
			t.Errorf("%s: counted %v", f.Name, p.Counts())
		}
	}
	if repeated := p.RepeatedGrants(); len(repeated) != 0 {
		t.Errorf("repeated: %q", repeated)
	}
}

var largeSizes = map[string]int{
	"large-header": 9 << 20, "endless-chunks": largeSize, "metadata-endless": largeSize, "large-body": largeSize, "metadata-large": largeSize,
	"invalid-client-deep": 20_002, "metadata-deep": 20_002,
}

// shortened shortens runs of one byte to a hundred, because expressions are slow.
func shortened(raw string) string {
	var b strings.Builder
	run := 0
	for i := range len(raw) {
		if run++; i == 0 || raw[i] != raw[i-1] {
			run = 0
		}
		if run < 100 {
			b.WriteByte(raw[i])
		}
	}
	return b.String()
}

func TestCompressed(t *testing.T) {
	p := start(t, faultprovider.Config{LargeSize: 3 * largeSize})
	for name, want := range map[string]string{"gzip": `^` + wireBody + `$`, "gzip-bomb": `^\x00{100}$`, "metadata-gzip-bomb": `^\x00{100}$`} {
		raw, err := exchange(p.dial(t), tokenRequest(name, faultprovider.Header+": "+name, "Connection: close", "Accept-Encoding: identity"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw)), nil)
		if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: got %v, %v", name, resp, err)
		}
		z, err := gzip.NewReader(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil || !regexp.MustCompile(want).MatchString(shortened(string(text))) || name != "gzip" && (len(text) != 3*largeSize || len(raw) > largeSize/10) {
			t.Errorf("%s: %d bytes expand to %d, %v", name, len(raw), len(text), err)
		}
	}
}

func TestFaultsOnConnect(t *testing.T) {
	p := start(t, faultprovider.Config{Rates: faultprovider.Rates{"banner-at-once": 100}})
	line, err := bufio.NewReader(p.dial(t)).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "SSH-2.0-") {
		t.Errorf("got %q, %v", line, err)
	}
	p.setRates(t, faultprovider.Rates{"close-on-accept": 100})
	if raw, err := io.ReadAll(p.dial(t)); len(raw) != 0 || err != nil {
		t.Errorf("got %q, %v", raw, err)
	}
}

// A half-closed connection is closed for the other end, and is still read.
func TestHalfClose(t *testing.T) {
	c := start(t, faultprovider.Config{}).dial(t)
	if _, err := io.WriteString(c, tokenRequest("x", faultprovider.Header+": half-close")); err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(c); len(raw) != 0 || err != nil {
		t.Errorf("got %q, %v", raw, err)
	}
	for range 64 { // more than the buffers of both ends
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
}

// pipes is a listener with connections in memory, which synctest needs.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "pipe"} }

// Slow responses take an interval for each byte, and hanging ones end after MaxDuration.
func TestSlow(t *testing.T) {
	for _, f := range faultprovider.Faults() {
		part, ok := slowFaults[f.Name]
		if !ok {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			l := make(pipes)
			p := startOn(t, l, faultprovider.Config{Interval: time.Second, MaxDuration: 10 * time.Minute})
			defer p.Close()
			ours, theirs := net.Pipe()
			l <- theirs
			began := time.Now()
			if _, err := io.WriteString(ours, requestFor(f)); err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(ours)
			head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
			want := 10 * time.Minute
			switch part {
			case "head":
				want = time.Duration(len(head)+4) * time.Second
			case "body":
				want = time.Duration(len(body)) * time.Second
			}
			if got := time.Since(began); got != want || err != nil {
				t.Errorf("%s: ended after %s, %v; want %s", f.Name, got, err, want)
			}
			if part == "" && len(body) != map[string]int{"stalled-body": wireSize / 2}[f.Name] {
				t.Errorf("%s: got %q", f.Name, text)
			}
		})
	}
}
