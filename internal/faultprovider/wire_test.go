package faultprovider_test

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"oauthgw/internal/faultprovider"
)

// The parts of what is on the wire, as expressions. HEAD is that of a
// well-behaved reply without its framing, BODY the body and N its length, HALF
// and HALFHEX half of it.
const (
	wireHead = `HTTP/1\.1 200 OK\r\nContent-Type: application/json\r\n`
	wireBody = `\{"access_token":"hostile_token_[A-Z2-7]{26}","expires_in":3600,"refresh_token":"hostile_token_[A-Z2-7]{26}","token_type":"Bearer"\}\n`
	wireHalf = `\{"access_token":"hostile_token_[^}]*`
	wireSize = 159
	volume   = 1 << 20
)

// onTheWire says what is on the wire before the connection ends. What is slow
// has a test of its own.
var onTheWire = map[string]string{
	"no-challenge":             wholly(`401 Unauthorized`, `\{"error":"invalid_client"\}`),
	"invalid-client-400":       wholly(`400 Bad Request`, `\{"error":"invalid_client"\}`),
	"invalid-client-403":       wholly(`403 Forbidden`, `\{"error":"invalid_client"\}`),
	"invalid-client-200":       wholly(`200 OK`, `\{"error":"invalid_client"\}`),
	"invalid-client-bom":       wholly(`400 Bad Request`, `\x{feff}\{"error":"invalid_client"\}`),
	"invalid-client-capital":   wholly(`400 Bad Request`, `\{"Error":"invalid_client"\}`),
	"invalid-client-duplicate": wholly(`400 Bad Request`, `\{"error":"invalid_grant","error":"invalid_client"\}`),
	"invalid-client-escaped":   wholly(`400 Bad Request`, `\{"error":"invalid\\u005fclient"\}`),
	"invalid-client-trailing":  wholly(`400 Bad Request`, `\{"error":"invalid_client"\} \{.*\}`),
	"invalid-client-array":     wholly(`400 Bad Request`, `\[\{"error":"invalid_client"\}\]`),
	"invalid-client-deep":      wholly(`400 Bad Request`, `\{"error":"invalid_client","x":\[+\]+\}`),

	"large-body":     `HEADContent-Length: 1048576\r\n\r\n +`,
	"endless-chunks": `HEADTransfer-Encoding: chunked\r\n\r\n10000\r\n +\r\n10000\r\n.*10000\r\n +`,

	"truncated":        `HEADContent-Length: SIZE\r\n\r\nHALF`,
	"truncated-header": `HTTP/1\.1 200 OK\r\nCont[^\n]*`,
	"truncated-chunks": `HEADTransfer-Encoding: chunked\r\n\r\nHALFHEX\r\nHALF\r\n`,
	"reset-in-body":    `HEADContent-Length: SIZE\r\n\r\nHALF`,
	"half-json":        `HEADConnection: close\r\n\r\nHALF`,

	"redirect-302": `HTTP/1\.1 302 Found\r\nLocation: https://elsewhere\.invalid/steal\r\nContent-Length: 0\r\n\r\n`,
	"redirect-307": `HTTP/1\.1 307 Temporary Redirect\r\nLocation: https://elsewhere\.invalid/steal\r\nContent-Length: 0\r\n\r\n`,
	"redirect-308": `HTTP/1\.1 308 Permanent Redirect\r\nLocation: https://elsewhere\.invalid/steal\r\nContent-Length: 0\r\n\r\n`,
	"status-099":   wholly(`099 Odd`, `\{"access_token":.*\}`),
	"status-600":   wholly(`600 Odd`, `\{"access_token":.*\}`),
	"status-999":   wholly(`999 Odd`, `\{"access_token":.*\}`),
	"status-1000":  wholly(`1000 Odd`, `\{"access_token":.*\}`),
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

	"metadata-issuer":     document(`.*"issuer":"https://elsewhere\.invalid".*`),
	"metadata-other-host": document(`.*"jwks_uri":"(https://elsewhere\.invalid/oauth2/tokens)".*"token_endpoint":"https://elsewhere\.invalid/oauth2/tokens".*`),
	"metadata-plain-http": document(`.*"jwks_uri":"http://elsewhere\.invalid/.*"token_endpoint":"http://elsewhere\.invalid/oauth2/tokens".*`),
	"metadata-userinfo":   document(`.*"jwks_uri":"https://login\.example\.com@elsewhere\.invalid/.*"token_endpoint":"https://login\.example\.com@elsewhere\.invalid/.*`),
	"metadata-link-local": document(`.*"jwks_uri":"http://169\.254\.169\.254/.*"token_endpoint":"http://169\.254\.169\.254/.*`),
	"metadata-file":       document(`.*"jwks_uri":"file:///etc/passwd".*"token_endpoint":"file:///etc/passwd".*`),
	"metadata-nan":        document(`\{.*"issuer":.*,"expires":NaN\}`),
	"metadata-duplicate":  document(`\{.*,"token_endpoint":"https://elsewhere\.invalid/a","token_endpoint":"https://elsewhere\.invalid/b"\}`),
	"metadata-deep":       document(`\{.*"issuer":.*,"x":\[+\]+\}`),
	"metadata-changing":   document(`.*"token_endpoint":"https://provider\.example/1".*`),
	"metadata-none":       document(`.*"token_endpoint_auth_methods_supported":\["none"\].*`),
	"metadata-large":      `HEADContent-Length: 1048576\r\n\r\n +`,
	"metadata-endless":    `HEADTransfer-Encoding: chunked\r\n\r\n10000\r\n +\r\n10000\r\n.*10000\r\n +`,
	"metadata-truncated":  `HTTP/1\.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\n\r\n\{"issuer":"https://provider\.example",[^}]*`,
	"metadata-redirect":   `HTTP/1\.1 302 Found\r\nLocation: https://elsewhere\.invalid/\.well-known/oauth-authorization-server\r\nContent-Length: 0\r\n\r\n`,
	"metadata-500":        `HTTP/1\.1 500 Internal Server Error\r\nContent-Type: text/html.*goroutine 17.*`,
	"metadata-404":        `HTTP/1\.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n`,
	"metadata-empty":      wholly(`200 OK`, ``),
	"metadata-html":       `HTTP/1\.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: \d+\r\n\r\n<!DOCTYPE html>.*`,
}

// wholly is a JSON reply whose framing is right, which is not checked by this.
func wholly(status, body string) string {
	return `HTTP/1\.1 ` + status + `\r\nContent-Type: application/json\r\nContent-Length: \d+\r\n\r\n` + body
}

func document(body string) string { return wholly(`200 OK`, body) }

// What is on the wire is what the sentence says. Every misbehaviour is in one of
// the tests.
func TestWire(t *testing.T) {
	t.Parallel()
	p := start(t, faultprovider.Config{LargeSize: volume, Interval: 1})
	t.Cleanup(func() {
		if again := p.RepeatedGrants(); len(again) != 0 {
			t.Errorf("seen again: %q", again)
		}
	})
	for _, m := range faultprovider.Faults() {
		want, here := onTheWire[m.Name]
		if elsewhere := slices.Contains(testedElsewhere, m.Name); here == elsewhere {
			t.Errorf("%s is tested %v here and %v elsewhere", m.Name, here, elsewhere)
		}
		if !here {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			request := tokenRequest(m.Name, faultprovider.Header+": "+m.Name, "Connection: close")
			if m.Trigger == faultprovider.OnMetadata {
				request = documentRequest(faultprovider.Header+": "+m.Name, "Connection: close")
			}
			raw, err := says(p.dial(t), request)
			want := strings.NewReplacer("HEAD", wireHead, "BODY", wireBody, "HALFHEX", fmt.Sprintf("%x", wireSize/2), "HALF", wireHalf, "SIZE", fmt.Sprint(wireSize)).Replace(want)
			if !regexp.MustCompile(`(?s)^` + want + `$`).MatchString(squeezed(raw)) {
				t.Errorf("%s: got\n%.2000q", m.Description, raw)
			}
			if reset := errors.Is(err, syscall.ECONNRESET); reset != strings.HasPrefix(m.Name, "reset-") || err != nil && !reset {
				t.Errorf("%s: the connection ended with %v", m.Description, err)
			}
			if p.Counts()[m.Name] != 1 {
				t.Errorf("counted %v", p.Counts())
			}
		})
	}
}

// squeezed shortens runs of one octet to a hundred: expressions are slow.
func squeezed(raw string) string {
	var b strings.Builder
	run := 0
	for i := range len(raw) {
		if i > 0 && raw[i] == raw[i-1] {
			run++
		} else {
			run = 0
		}
		if run < 100 {
			b.WriteByte(raw[i])
		}
	}
	return b.String()
}

var testedElsewhere = slices.Concat(slices.Collect(maps.Keys(whatIsSlow)), []string{"gzip", "gzip-bomb", "metadata-gzip-bomb", "banner-at-once"})

// What is large is as large as told.
func TestSizes(t *testing.T) {
	t.Parallel()
	p := start(t, faultprovider.Config{LargeSize: volume})
	for name, least := range map[string]int{
		"large-header": 9 << 20, "endless-chunks": volume, "metadata-endless": volume, "large-body": volume, "metadata-large": volume,
		"invalid-client-deep": 20_002, "metadata-deep": 20_002,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := says(p.dial(t), tokenRequest(name, faultprovider.Header+": "+name, "Connection: close"))
			if err != nil || len(raw) < least || len(raw) > least+1<<10 {
				t.Errorf("got %d octets, %v; want %d", len(raw), err, least)
			}
		})
	}
}

// What is compressed can be decompressed, and a bomb grows.
func TestCompressed(t *testing.T) {
	p := start(t, faultprovider.Config{LargeSize: 3 * volume})
	for name, want := range map[string]string{
		"gzip": `^` + wireBody + `$`, "gzip-bomb": `^\x00{100}$`, "metadata-gzip-bomb": `^\x00{100}$`,
	} {
		raw, err := says(p.dial(t), tokenRequest(name, faultprovider.Header+": "+name, "Connection: close", "Accept-Encoding: identity"))
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
		if err != nil || !regexp.MustCompile(want).MatchString(squeezed(string(text))) {
			t.Errorf("%s: got %d octets, %v", name, len(text), err)
		}
		if name != "gzip" && (len(text) != 3*volume || len(raw) > volume/10) {
			t.Errorf("%s: %d octets grow to %d", name, len(raw), len(text))
		}
	}
}

// What is said before a request is said before a request.
func TestBannerAtOnce(t *testing.T) {
	p := start(t, faultprovider.Config{Rates: faultprovider.Rates{"banner-at-once": 100}})
	line, err := bufio.NewReader(p.dial(t)).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "SSH-2.0-") {
		t.Errorf("got %q, %v", line, err)
	}
	if err := p.SetRates(faultprovider.Rates{"close-on-accept": 100}); err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(p.dial(t)); len(raw) != 0 || err != nil {
		t.Errorf("got %q, %v", raw, err)
	}
}

// A half-closed connection has ended for the other end, and is still read.
func TestHalfClose(t *testing.T) {
	p := start(t, faultprovider.Config{})
	c := p.dial(t)
	if _, err := io.WriteString(c, tokenRequest("x", faultprovider.Header+": half-close")); err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(c); len(raw) != 0 || err != nil {
		t.Errorf("got %q, %v", raw, err)
	}
	// More than the buffers of both ends hold is taken.
	for range 64 {
		if _, err := c.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
}
