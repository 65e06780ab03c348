package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startRejectingProvider is a provider that takes no client for who it says it is.
func startRejectingProvider(t *testing.T) string {
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

// A reload does not reset the failure limit, unless it changes the limit itself.
func TestReloadsForgetNoFailures(t *testing.T) {
	p := startProgram(t, startRejectingProvider(t), "endpoints: {token: /t}\ntrusted_proxies: [127.0.0.1]\nclient_auth: {realm: a, failures: {burst: 1, interval: 1h}}\n")
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
	g := frontedGateway(t, startRejectingProvider(t))
	for range 15 {
		if answer := send(t, g.data, behindProxy("192.0.2.1")); !strings.HasPrefix(answer, "HTTP/1.1 401 ") {
			t.Fatalf("got %s", answer)
		}
	}
	if line := requestLine(g.stop()); !strings.Contains(line, `"client_ip":"127.0.0.1"`) {
		t.Errorf("the log has %s", line)
	}
}

// TestA148LimitWithoutEffect checks that check and the log warn if the failure limit has no
// effect because the proxy in front of the listener is not trusted.
func TestA148LimitWithoutEffect(t *testing.T) {
	for trusted, warned := range map[string]bool{"unix": true, "127.0.0.1": false} {
		file := configFile(t, "endpoints: {token: /t}\nlisten: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\ntrusted_proxies: ["+trusted+"]\n")
		out, _, err := invoke(t, "check", "--config.file="+file)
		if err != nil || strings.Contains(out, "\nwarning: client_auth.failures: has no effect") != warned || strings.Contains(out, "set trusted_proxies: [127.0.0.1]") != warned {
			t.Errorf("trusting %s: check prints %v\n%s", trusted, err, out)
		}
		log := logOfRun(t, file)
		if strings.Contains(log, `"msg":"failure limit has no effect`) != warned || strings.Contains(log, `"set":"trusted_proxies: [127.0.0.1]"`) != warned {
			t.Errorf("trusting %s: the log is\n%s", trusted, log)
		}
	}
}

// logOfRun serves until it listens, and returns the log.
func logOfRun(t *testing.T, file string) string {
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

// A client of a Unix socket has no address. If unix is trusted, X-Forwarded-For is used.
func TestSourceBehindUnixSocket(t *testing.T) {
	for trusted, want := range map[string]string{"unix": `"client_ip":"192.0.2.1"`, "127.0.0.1": ""} {
		socket := filepath.Join(t.TempDir(), "s")
		g := frontedGateway(t, startRejectingProvider(t), func(c *config.Config) { c.Listen, c.TrustedProxies = "unix:"+socket, []string{trusted} })
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
		line := requestLine(g.stop())
		if !strings.Contains(line, want) || strings.Contains(line, `"client_ip"`) != (want != "") {
			t.Errorf("%s is trusted, and the log has %s", trusted, line)
		}
	}
}
