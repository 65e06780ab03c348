// Package prometheus_test lets a real Prometheus scrape running gateways, with
// the rules that are delivered, while things go wrong, and asks it what the
// dashboard asks.
package prometheus_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	rightClient     = "Basic YXBwOnMzY3JldC1vbmU="
	strangeClient   = "Basic c3RyYW5nZXI6czNjcmV0LW9uZQ=="
	ambiguousClient = "Basic YTphK2I="
)

// The alerts that can be provoked in a minute fire, and say what they are about.
// Of the others the tests of promtool tell.
func TestAlertsFire(t *testing.T) {
	s, login := deploy(t)
	s.expectFired(t, 90*time.Second,
		"OauthgwDown", "OauthgwNotReady", "OauthgwRestarting", "OauthgwClientsRejected", "OauthgwRequestsRefused",
		"OauthgwConflictsOverlooked", "OauthgwAmbiguousBasicRejected", "OauthgwCertificateExpiresSoon", "OauthgwCertificateExpires",
		"OauthgwProviderReplyUnusable", "OauthgwMetadataUnavailable", "OauthgwAddsLatency", "OauthgwMemoryNearLimit",
		"OauthgwFileDescriptorsNearLimit", "OauthgwConnectionsNearLimit", "OauthgwLogLinesDropped")
	login.provider.stop(syscall.SIGKILL)
	write(t, login.config, "nonsense: true\n")
	s.expectFired(t, 60*time.Second,
		"OauthgwProviderUnreachable", "OauthgwErrorBudgetBurnsFast", "OauthgwErrorBudgetBurnsSlowly", "OauthgwReloadFailed")

	for _, a := range ask[struct {
		Alerts []struct{ Annotations map[string]string }
	}](t, s, "/api/v1/alerts", nil).Alerts {
		for name, text := range a.Annotations {
			if strings.Contains(text, "<no value>") || strings.Contains(text, "<error") || strings.Contains(text, "{{") || strings.Contains(text, "  ") {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
	t.Run("dashboard", func(t *testing.T) { testDashboard(t, s) })
	t.Run("labels", func(t *testing.T) { testLabels(t, s) })
}

// deploy starts gateways in all sorts of trouble, their traffic, and the
// Prometheus that looks at them.
func deploy(t *testing.T) (server, login) {
	addresses := freeAddresses(t, 5)
	gone, loginAdmin, lonely, moved := addresses[0], addresses[1], addresses[2], addresses[3]
	l := startLogin(t, loginAdmin)
	startMoved(t, moved)
	poor := []*process{startPoor(t, lonely, addresses[4])}
	s := startPrometheus(t, shortened(t, readRules(t)), map[string]string{
		"gone/oauthgw": gone, "login/oauthgw": loginAdmin, "lonely/oauthgw": lonely, "moved/oauthgw": moved,
	})
	for seen := ""; len(poor) < 4; poor = append(poor, startPoor(t, lonely, addresses[4])) {
		seen = s.awaitStart(t, seen)
		poor[len(poor)-1].stop(syscall.SIGINT)
	}
	return s, l
}

// awaitStart waits until a scrape has shown that the lonely gateway started at
// another time than before, and returns the time.
func (s server) awaitStart(t *testing.T, before string) (at string) {
	t.Helper()
	eventually(t, 20*time.Second, "a scrape after the start", func() string {
		for _, r := range s.query(t, `process_start_time_seconds{job="lonely/oauthgw"}`).Result {
			if at, _ = r.Value[1].(string); at != before {
				return ""
			}
		}
		return "none yet"
	})
	return at
}

// login is a gateway that works, until its provider is gone.
type login struct {
	provider *process
	config   string
}

func startLogin(t *testing.T, admin string) login {
	directory := t.TempDir()
	addresses := freeAddresses(t, 2)
	upstream, data := addresses[0], addresses[1]
	provider := start(t, nil, built(t, "legacyd"), "--listen="+upstream, "--public-url=https://"+data,
		"--clients="+write(t, filepath.Join(directory, "clients.json"), `[{"client_id":"app","client_secret":"s3cret-one","redirect_uris":["https://client.example/"]}]`))
	cert, key := certificate(t, directory, time.Now().Add(time.Hour))
	l := login{provider, write(t, filepath.Join(directory, "oauthgw.yaml"),
		"listen: "+data+"\nadmin: {listen: "+admin+"}\nupstream: {url: http://"+upstream+"}\n"+
			"client_auth: {conflict: report}\ntls: {cert_file: "+cert+", key_file: "+key+"}\n")}
	start(t, nil, built(t, "oauthgw"), "--config.file="+l.config)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	repeat(t, 100*time.Millisecond, func() {
		post(client, "https://"+data+"/oauth2/tokens", rightClient, "grant_type=authorization_code&code=spent")
		post(client, "https://"+data+"/oauth2/tokens", rightClient, "grant_type=authorization_code&code=spent&client_id=other")
		post(client, "https://"+data+"/oauth2/tokens", strangeClient, "grant_type=authorization_code&code=spent")
		post(client, "https://"+data+"/oauth2/tokens", ambiguousClient, "grant_type=authorization_code&code=spent")
		post(client, "https://"+data+"/oauth2/tokens", "Basic !", "grant_type=authorization_code&code=spent")
		get(client, "https://"+data+"/.well-known/oauth-authorization-server")
		get(client, "https://"+data+"/")
	})
	return l
}

// startMoved starts a gateway whose provider redirects everybody but those who
// revoke, whose clients are slow, and whose log nobody reads.
func startMoved(t *testing.T, admin string) {
	mux := http.NewServeMux()
	mux.Handle("/", http.RedirectHandler("https://login.example.com/", http.StatusFound))
	mux.HandleFunc("/r", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
	})
	provider := httptest.NewServer(mux)
	t.Cleanup(provider.Close)
	data := freeAddresses(t, 1)[0]
	config := write(t, filepath.Join(t.TempDir(), "oauthgw.yaml"), "listen: "+data+"\nadmin: {listen: "+admin+"}\nupstream: {url: "+provider.URL+"}\nendpoints: {token: /t, revocation: /r}\n")
	unread, log, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unread.Close(); log.Close() })
	start(t, func(c *exec.Cmd) { c.Stderr = log }, built(t, "oauthgw"), "--config.file="+config)
	client := &http.Client{Timeout: 10 * time.Second}
	repeat(t, 100*time.Millisecond, func() { post(client, "http://"+data+"/r", strangeClient, "token=t") })
	for range 4 {
		repeat(t, 0, func() { postSlowly(data) })
		repeat(t, 5*time.Millisecond, func() { get(client, "http://"+data+"/.well-known/oauth-authorization-server") })
	}
}

// startPoor starts a gateway that finds no provider, and has neither memory nor
// file descriptors to spare.
func startPoor(t *testing.T, admin, data string) *process {
	// By itself it would not take more connections than it can serve.
	config := write(t, filepath.Join(t.TempDir(), "oauthgw.yaml"), "listen: "+data+"\nadmin: {listen: "+admin+"}\nupstream: {url: http://127.0.0.1:1}\nmax_connections: 36\n")
	p := start(t, func(c *exec.Cmd) { c.Env = append(os.Environ(), "GOMEMLIMIT=4MiB") }, "/bin/sh", "-c", `ulimit -n 40; exec "$@"`, "sh",
		built(t, "oauthgw"), "--config.file="+config)
	go func() {
		for range 28 {
			if c := dial(p, data); c != nil {
				defer c.Close()
				// A connection that has had a request may stay idle for long.
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			}
		}
		<-p.ended
	}()
	return p
}

// dial connects as soon as somebody listens.
func dial(p *process, address string) net.Conn {
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			return c
		}
		select {
		case <-p.ended:
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// repeat does something again and again until the test ends.
func repeat(t *testing.T, pause time.Duration, do func()) {
	var running sync.WaitGroup
	running.Go(func() {
		for t.Context().Err() == nil {
			do()
			select {
			case <-t.Context().Done():
			case <-time.After(pause):
			}
		}
	})
	t.Cleanup(running.Wait)
}
