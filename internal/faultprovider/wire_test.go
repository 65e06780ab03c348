package faultprovider_test

import (
	"errors"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"oauthgw/internal/faultprovider"
)

const (
	wireBody  = `\{"access_token":"hostile_token_[A-Z2-7]{26}","expires_in":3600,"refresh_token":"hostile_token_[A-Z2-7]{26}","token_type":"Bearer"\}\n`
	largeSize = 1 << 20
)

var abbreviations = strings.NewReplacer("HEAD", `HTTP/1\.1 200 OK\r\nContent-Type: application/json\r\n`, "BODY", wireBody,
	"HALF", `\{"access_token":"hostile_token_[^}]*`, "SIZE", "159")

// onTheWire are the bytes on the wire of faults as expressions. The others are like one of
// these, or visible in the responses of a gateway: cmd/oauthgw has the tests. HEAD is the head of a
// normal response without its framing, BODY its body and SIZE its length, HALF half of it.
var onTheWire = map[string]string{
	"no-challenge":             jsonMessage(`401 Unauthorized`, `\{"error":"invalid_client"\}`),
	"invalid-client-400":       jsonMessage(`400 Bad Request`, `\{"error":"invalid_client"\}`),
	"invalid-client-bom":       jsonMessage(`400 Bad Request`, `\x{feff}\{"error":"invalid_client"\}`),
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
	"status-099":   jsonMessage(`099 Odd`, `\{"access_token":.*\}`),
	"status-101":   `HTTP/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
	"status-204":   `HTTP/1\.1 204 No Content\r\n\r\n`,

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
	"reset-after-request": ``,
	"close-idle":          `HEADContent-Length: SIZE\r\n\r\nBODY`,

	"metadata-issuer":     jsonMessage(`200 OK`, `.*"issuer":"https://elsewhere\.invalid".*`),
	"metadata-other-host": jsonMessage(`200 OK`, `.*"jwks_uri":"(https://elsewhere\.invalid/oauth2/tokens)".*"token_endpoint":"https://elsewhere\.invalid/oauth2/tokens".*`),
	"metadata-nan":        jsonMessage(`200 OK`, `\{.*"issuer":.*,"expires":NaN\}`),
	"metadata-duplicate":  jsonMessage(`200 OK`, `\{.*,"token_endpoint":"https://elsewhere\.invalid/a","token_endpoint":"https://elsewhere\.invalid/b"\}`),
	"metadata-deep":       jsonMessage(`200 OK`, `\{.*"issuer":.*,"x":\[+\]+\}`),
	"metadata-changing":   jsonMessage(`200 OK`, `.*"token_endpoint":"https://provider\.example/1".*`),
	"metadata-none":       jsonMessage(`200 OK`, `.*"token_endpoint_auth_methods_supported":\["none"\].*`),
	"metadata-large":      `HEADContent-Length: 1048576\r\n\r\n +`,
	"metadata-endless":    `HEADTransfer-Encoding: chunked\r\n\r\n10000\r\n +\r\n10000\r\n.*10000\r\n +`,
	"metadata-truncated":  `HTTP/1\.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\n\r\n\{"issuer":"https://provider\.example",[^}]*`,
	"metadata-redirect":   `HTTP/1\.1 302 Found\r\nLocation: https://elsewhere\.invalid/\.well-known/oauth-authorization-server\r\nContent-Length: 0\r\n\r\n`,
	"metadata-404":        `HTTP/1\.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n`,
	"metadata-empty":      jsonMessage(`200 OK`, ``),
	"metadata-html":       `HTTP/1\.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: \d+\r\n\r\n<!DOCTYPE html>.*`,
}

func jsonMessage(status, body string) string {
	return `HTTP/1\.1 ` + status + `\r\nContent-Type: application/json\r\nContent-Length: \d+\r\n\r\n` + body
}

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
