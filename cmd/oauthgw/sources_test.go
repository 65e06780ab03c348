package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/config"
	"oauthgw/internal/trustedproxy"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rejecting is a provider that takes no client for who it says it is.
func rejecting(t *testing.T) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
	}))
	t.Cleanup(provider.Close)
	return provider.URL
}

// behindProxy returns a request that a proxy sends on.
func behindProxy(client string) string {
	return strings.Replace(strings.Replace(basicRequest, "%s", "/t", 1), "Host: a\n", "Host: a\nX-Forwarded-For: "+client+"\n", 1)
}

// Whoever has to wait does so whatever an operator reloads, unless that is the
// limit itself.
func TestReloadsForgetNoFailures(t *testing.T) {
	p := startReloading(t, rejecting(t), "endpoints: {token: /t}\ntrusted_proxies: [127.0.0.1]\nclient_auth: {realm: a, failures: {burst: 1, interval: 1h}}\n")
	answers := func(when, want string) {
		t.Helper()
		if answer := send(t, p.data, behindProxy("192.0.2.1")); !strings.HasPrefix(answer, "HTTP/1.1 "+want) {
			t.Errorf("%s: got %s", when, answer)
		}
	}
	reload := func() {
		t.Helper()
		if code, text := p.reload(); code != 200 {
			t.Fatal(text)
		}
	}
	answers("the first failure", "401 ")
	answers("the second", "429 ")
	p.write("passthrough: false\n")
	reload()
	answers("after a reload", "429 ")
	p.head = strings.Replace(p.head, "burst: 1", "burst: 0", 1)
	p.write("")
	reload()
	answers("without a limit", "401 ")
	answers("without a limit", "401 ")
}

// Out of the box a proxy on this host stands for many clients, and none of them is
// locked out by another's failures.
func TestUnknownProxyIsNotLimited(t *testing.T) {
	g := frontedGateway(t, rejecting(t))
	for range 15 {
		if answer := send(t, g.data, behindProxy("192.0.2.1")); !strings.HasPrefix(answer, "HTTP/1.1 401 ") {
			t.Fatalf("got %s", answer)
		}
	}
	if line := lineOfExchange(g.stop()); !strings.Contains(line, `"client_ip":"127.0.0.1"`) {
		t.Errorf("the log has %s", line)
	}
}

// A listener that only this host reaches is useless for the limit on failures
// unless the proxy in front of it is trusted. Check and the log say so.
func TestA148LimitWithoutEffect(t *testing.T) {
	socket := "unix:" + filepath.Join(t.TempDir(), "s")
	for _, test := range []struct{ listen, config, set string }{
		{"127.0.0.1:0", "", "127.0.0.1"},
		{"127.0.0.1:0", "trusted_proxies: [10.0.0.0/8, unix]", "127.0.0.1"},
		{"127.0.0.1:0", "client_auth: {failures: {burst: 0}}", "127.0.0.1"},
		{"127.0.0.1:0", "client_auth: {failures: {address_burst: 0}}", "127.0.0.1"},
		{"127.0.0.1:0", "client_auth: {failures: {burst: 0, address_burst: 0}}", ""},
		{"127.0.0.1:0", "trusted_proxies: [127.0.0.0/8]", ""},
		{"localhost:0", "", "127.0.0.1"},
		{"localhost:0", "trusted_proxies: [127.0.0.1]", ""},
		{"'[::1]:0'", "trusted_proxies: [127.0.0.1]", "::1"},
		{"'[::1]:0'", "trusted_proxies: ['::1']", ""},
		{socket, "trusted_proxies: [127.0.0.1]", "unix"},
		{socket, "trusted_proxies: [unix]", ""},
		{"':0'", "", ""},
	} {
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		text := "upstream: {url: " + publishing(t, honest+"}") + "}\nadmin: {listen: '127.0.0.1:0'}\nlisten: " + test.listen + "\n" + test.config + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _, err := invoke(t, "check", "--config.file="+file)
		_, warning, _ := strings.Cut(out, "\nwarning: client_auth.failures: has no effect")
		if err != nil || strings.Contains(warning, "set trusted_proxies: ["+test.set+"]") != (test.set != "") || (warning == "") != (test.set == "") {
			t.Errorf("%s: check says %v\n%s", text, err, out)
		}
		log := logOfServing(t, file)
		if n := strings.Count(log, `"msg":"failure limit has no effect`); n != len(test.set[:min(1, len(test.set))]) ||
			test.set != "" && !strings.Contains(log, `"set":"trusted_proxies: [`+test.set+`]"`) {
			t.Errorf("%s: the log has\n%s", text, log)
		}
	}
}

// A connection to any address in 127.0.0.0/8 comes from 127.0.0.1 unless the client
// binds to another one.
func TestA148OtherLoopbackAddresses(t *testing.T) {
	for trusted, want := range map[string]string{"10.0.0.1": "127.0.0.1", "127.0.0.2": "127.0.0.1", "127.0.0.1": "", "127.0.0.0/8": ""} {
		proxies, err := trustedproxy.Parse([]string{trusted}, false)
		if err != nil {
			t.Fatal(err)
		}
		s := config.Settings{Proxies: proxies, Failures: authlimit.Config{Burst: 1}}
		if got := s.UntrustedProxy("127.0.0.2:0"); got != want {
			t.Errorf("%s is trusted: got %q", trusted, got)
		}
	}
}

// logOfServing serves until it listens, and returns the log.
func logOfServing(t *testing.T, file string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var log syncBuffer
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"serve", "--config.file=" + file}, nil, io.Discard, &log) }()
	eventually(t, "the listener", func() bool { return strings.Contains(log.String(), `"msg":"listening"`) })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return log.String()
}

// Whoever connects to a Unix socket has no address, and says whose request it
// carries where that is trusted.
func TestSourceBehindUnixSocket(t *testing.T) {
	for trusted, want := range map[string]string{"unix": `"client_ip":"192.0.2.1"`, "127.0.0.1": ""} {
		socket := filepath.Join(t.TempDir(), "s")
		g := frontedGateway(t, rejecting(t), func(c *config.Config) { c.Listen, c.TrustedProxies = unixPrefix+socket, []string{trusted} })
		// The name of this end is like an address.
		t.Chdir(t.TempDir())
		c, err := net.DialUnix("unix", &net.UnixAddr{Name: "127.0.0.1:80", Net: "unix"}, &net.UnixAddr{Name: socket, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Write(wire(behindProxy("192.0.2.1"))); err != nil {
			t.Fatal(err)
		}
		if _, err := readMessage(bufio.NewReader(c)); err != nil {
			t.Error(err)
		}
		c.Close()
		line := lineOfExchange(g.stop())
		if !strings.Contains(line, want) || strings.Contains(line, `"client_ip"`) != (want != "") {
			t.Errorf("%s is trusted, and the log has %s", trusted, line)
		}
	}
}
