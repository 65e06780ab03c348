package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/config"
)

const whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

// refusedByServer are what net/http refuses by itself, by the reason that is counted.
var refusedByServer = map[string][]string{
	"header_too_large": {"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("C4nary:\r\n", 200) + "\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 40<<10) + "\r\n\r\n", "GET /" + strings.Repeat("x", 40<<10) + " HTTP/1.1\r\n\r\n"},
	"malformed":        {"GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX-C4nary : b\r\n\r\n", whole + "\x00C4nary\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"},
	"unsupported":      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nExpect: C4nary\r\n\r\n"},
	"proxy_protocol":   {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + whole, "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + strings.Repeat("\x01", 12) + whole},
	"tls_to_plain":     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03C4nary", "\x16\x03\x01\x02\x00\n"},
}

// notRefused ends without a word of net/http's, or is answered by the gateway.
var notRefused = []string{"", whole, whole + whole, "PROXY /c4nary HTTP/1.1\r\nHost: a\r\n\r\n"}

// exchangeBytes sends bytes, and nothing more after that if ends, and reads until the
// gateway closes the connection.
func exchangeBytes(c rawPeer, sends string, ends bool) {
	defer c.Close()
	c.write(sends)
	if ends {
		_ = c.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, c)
}

// malformed returns what a scrape says of a reason.
func (g testGateway) malformed(t *testing.T, reason string) string {
	t.Helper()
	_, rest, _ := strings.Cut(g.scrape(t), `oauthgw_http_malformed_requests_total{reason="`+reason+`"} `)
	count, _, _ := strings.Cut(rest, "\n")
	return count
}

// TestA127RequestsRefusedByNetHTTP checks that what net/http refuses by itself is counted by
// reason and logged, with and without TLS.
func TestA127RequestsRefusedByNetHTTP(t *testing.T) {
	files := certificateFiles(t, filepath.Join(t.TempDir(), "shown"), time.Now().Add(time.Hour))
	for name, protected := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			g := frontedGateway(t, "http://127.0.0.1:1", func(c *config.Config) {
				if protected {
					c.TLS.CertFile, c.TLS.KeyFile = files.CertFile, files.KeyFile
				}
			})
			var clients sync.WaitGroup
			for _, sends := range notRefused {
				c := dialRawNetwork(t, "tcp", g.data, protected)
				clients.Go(func() { exchangeBytes(c, sends, true) })
			}
			for reason, all := range refusedByServer {
				for _, sends := range all {
					c := dialRawNetwork(t, "tcp", g.data, protected)
					clients.Go(func() { exchangeBytes(c, sends, reason == "tls_to_plain") })
				}
			}
			clients.Wait()
			for reason, all := range refusedByServer {
				eventually(t, "the count of "+reason, func() bool { return g.malformed(t, reason) == fmt.Sprint(len(all)) })
			}
			if log := g.stop(); !strings.Contains(log, `"msg":"request refused by net/http","reason":"`) || !strings.Contains(log, `"client_ip":"127.0.0.1"`) || strings.Contains(log, "C4nary") {
				t.Errorf("the log says\n%s", log)
			}
		})
	}
}

// TestA127HandshakesThatFail checks that TLS handshakes that fail are counted by reason.
func TestA127HandshakesThatFail(t *testing.T) {
	files := certificateFiles(t, filepath.Join(t.TempDir(), "shown"), time.Now().Add(time.Hour))
	g := frontedGateway(t, "http://127.0.0.1:1", func(c *config.Config) { c.TLS.CertFile, c.TLS.KeyFile = files.CertFile, files.KeyFile })
	for reason, all := range map[string][]string{
		"":               {"", "\x16", "\x16\x03\x01\x02\x00\x01"},
		"plain_to_tls":   {whole, "POST /t HTTP/1.1\r\nHost: c4nary\r\n\r\n", "HEAD / HTTP/1.0\r\n\r\n"},
		"proxy_protocol": refusedByServer["proxy_protocol"],
		"tls_handshake":  {"\x16\x03\x01\x00\x04\x01\x00\x00\x00", "C4nary\r\n\r\n", "\x80\x2e\x01\x00\x02"},
	} {
		for i, sends := range all {
			exchangeBytes(holdConn(t, g.data, ""), sends, reason == "")
			if reason != "" {
				eventually(t, fmt.Sprintf("the count of %s for %.40q", reason, sends), func() bool { return g.malformed(t, reason) == fmt.Sprint(i+1) })
			}
		}
	}
	if response, err := io.ReadAll(holdConn(t, g.data, "GET / HTTP/1.1\n")); !strings.HasPrefix(string(response), "HTTP/1.0 400 Bad Request\r\n\r\n") {
		t.Errorf("plain HTTP got %q %v", response, err)
	}
	// #nosec G402 -- the failure is what is tested
	if err := tls.Client(holdConn(t, g.data, ""), &tls.Config{ServerName: "c4nary.example"}).Handshake(); err == nil {
		t.Error("a certificate for another name was taken")
	}
	eventually(t, "the client's alert", func() bool { return g.malformed(t, "tls_handshake") == "4" })
	if n := g.malformed(t, "malformed"); n != "0" {
		t.Errorf("%s were counted as malformed too", n)
	}
	if log := g.stop(); strings.Contains(strings.ToLower(log), "c4nary") {
		t.Errorf("the log says\n%s", log)
	}
}

// TestA127FloodOfRefusedRequests checks that a flood of refused requests is logged once a second.
func TestA127FloodOfRefusedRequests(t *testing.T) {
	g := frontedGateway(t, "http://127.0.0.1:1")
	start := time.Now()
	for range 200 {
		exchangeBytes(holdConn(t, g.data, ""), "GET\r\n\r\n", false)
	}
	eventually(t, "the count", func() bool { return g.malformed(t, "malformed") == "200" })
	seconds := int(time.Since(start) / time.Second)
	if n := strings.Count(g.stop(), "refused by net/http"); n < 1 || n > seconds+1 {
		t.Errorf("%d lines within %d s", n, seconds)
	}
}
