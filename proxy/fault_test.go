package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthgw/internal/upstream"
	"oauthgw/proxy"
)

const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n" + tokenAnswer

// TestUpstreamErrors checks that, whatever the provider does, the client receives an error in
// JSON that is not invalid_client, and the request was sent once.
func TestUpstreamErrors(t *testing.T) {
	for name, test := range map[string]struct {
		script func(net.Conn)
		status int
		reason string
	}{
		"hangs up":                 {says(""), 502, "broken_reply"},
		"speaks another protocol":  {says("SSH-2.0-OpenSSH_9.2\r\n\r\n"), 502, "broken_reply"},
		"ends in the header":       {says("HTTP/1.1 200 OK\r\nContent-Ty"), 502, "broken_reply"},
		"ends in the body":         {says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + tokenAnswer), 502, "broken_reply"},
		"ends in undelimited JSON": {says("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + `{"access_token":"t0k`), 502, "broken_reply"},
		"ends in a chunk":          {says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{"), 502, "broken_reply"},
		"sends no body":            {says("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"), 502, "broken_reply"},
		"sends two lengths":        {says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "), 502, "broken_reply"},
		"sends status 099":         {says("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"), 502, "broken_reply"},
		"sends status 999":         {says("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"), 502, "broken_reply"},
		"sends status 204":         {says("HTTP/1.1 204 No Content\r\n\r\n"), 502, "broken_reply"},
		"switches protocols":       {says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"), 502, "broken_reply"},
		"switches protocols for good": {func(c net.Conn) {
			says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")(c)
			silent(c)
		}, 502, "broken_reply"},
		"redirects with 302":          {says("HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n"), 502, "redirect"},
		"redirects with 308":          {says("HTTP/1.1 308 Permanent Redirect\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n"), 502, "redirect"},
		"sends a megabyte and a byte": {says("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n" + strings.Repeat("x", 1<<20+1)), 502, "large_reply"},
		"goes on behind the most that is read": {func(c net.Conn) {
			says("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + strings.Repeat("x", 1<<20+1))(c)
			silent(c)
		}, 502, "large_reply"},
		"sends a huge header":    {says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\nContent-Length: 0\r\n\r\n"), 502, "broken_reply"},
		"compresses":             {says("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx"), 502, "encoded_reply"},
		"compression is damaged": {says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"), 502, "broken_reply"},
		"never answers":          {silent, 504, "timeout"},
		"never ends its answer":  {func(c net.Conn) { says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")(c); silent(c) }, 504, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProvider(t, test.script)
			limit := 10 * time.Second
			if test.status == http.StatusGatewayTimeout {
				limit = 2 * time.Second // for the request to arrive, on a busy machine too
			}
			f := startFront(t, "http://"+p.Addr().String(), within(limit))
			status, header, body := f.post(t, "Idempotency-Key", "again", "X-Idempotency-Key", "again")
			if status != test.status || header.Get("Content-Type") != "application/json" ||
				!strings.Contains(body, `"error":`) || strings.Contains(body, "invalid_client") {
				t.Errorf("got %d %v %s, want %d", status, header, body, test.status)
			}
			if header.Get("Location") != "" || header.Get("Content-Encoding") != "" || header.Get("Upgrade") != "" {
				t.Errorf("the reply's own fields were relayed: %v", header)
			}
			if n := p.requests.Load(); n != 1 {
				t.Errorf("the request was sent %d times", n)
			}
			f.Close()
			if log := f.log.String(); !strings.Contains(log, `"err":"`+test.reason+`"`) || strings.Contains(log, "t0k") || strings.Contains(log, "s3cret") {
				t.Errorf("the log says %s", log)
			}
		})
	}
}

func TestUnreachableProvider(t *testing.T) {
	p := startProvider(t, silent)
	p.Close()
	f := startFront(t, "http://"+p.Addr().String())
	status, header, body := f.post(t)
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, "temporarily_unavailable") {
		t.Errorf("got %d %v %s", status, header, body)
	}
	f.Close()
	if !strings.Contains(f.log.String(), "connection refused") {
		t.Errorf("the log does not say why: %s", f.log)
	}
}

func TestA090UntrustedProviderReceivesNothing(t *testing.T) {
	var asked atomic.Int32
	provider := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer provider.Close()
	provider.Config.ErrorLog = nil
	f := startFront(t, provider.URL)
	if status, _, body := f.post(t); status != http.StatusBadGateway || !strings.Contains(body, "server_error") || asked.Load() != 0 {
		t.Errorf("got %d %s; the provider was asked %d times", status, body, asked.Load())
	}
}

// Protection that breaks behind a request says nothing of what became of that: it
// has been sent.
func TestProtectionThatBreaksLate(t *testing.T) {
	provider := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = c.(*tls.Conn).NetConn().Write([]byte("HTTP/1.1 500 Internal Server Error\r\n\r\n"))
		_ = c.(*tls.Conn).NetConn().Close()
	}))
	defer provider.Close()
	roots := x509.NewCertPool()
	roots.AddCert(provider.Certificate())
	f := startFront(t, provider.URL, func(c *proxy.Config) {
		c.Transport = upstream.New(upstream.Config{Server: c.Target, TLS: &tls.Config{RootCAs: roots}})
	})
	if status, _, body := f.post(t); status != http.StatusBadGateway || !strings.Contains(body, "may have processed") {
		t.Errorf("got %d %s", status, body)
	}
}

// A client that leaves while the provider is asked gets nothing, also if it
// only closed its sending side: an implied 200 would be a lie.
func TestClientThatLeaves(t *testing.T) {
	p := startProvider(t, silent)
	f := startFront(t, "http://"+p.Addr().String())
	answer := f.raw(t, "POST / HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 3\n\na=b", func(c *net.TCPConn) {
		for p.requests.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		_ = c.CloseWrite()
	})
	if answer != "" {
		t.Errorf("the client received %q", answer)
	}
	f.Close()
	if !strings.Contains(f.log.String(), `"outcome":"canceled"`) {
		t.Errorf("the log says %s", f.log)
	}
}
