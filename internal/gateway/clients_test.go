package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/config"
)

// formProvider is a transport that keeps the form of the last request.
type formProvider struct{ form url.Values }

// RoundTrip implements [http.RoundTripper].
func (p *formProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if p.form, err = url.ParseQuery(string(body)); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// logLines is a log that other goroutines write.
type logLines chan string

// Write implements [io.Writer].
func (l logLines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// take returns the lines since the last call.
func (l logLines) take() (lines string) {
	for len(l) > 0 {
		lines += <-l
	}
	return lines
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// startWatched starts a gateway whose files are watched, with a section of configuration.
func startWatched(t *testing.T, file, section string, log logLines) (*Reloader, *formProvider) {
	t.Helper()
	writeFile(t, file, "upstream: {url: http://127.0.0.1:1}\nendpoints: {token: /t, authorization: /a}\nclient_auth: {realm: a}\n"+section)
	load := func() (config.Settings, error) { return config.Load(file, nil) }
	c, provider := testConfig(t, "http://127.0.0.1:1", log), &formProvider{}
	var err error
	if c.Settings, err = load(); err != nil {
		t.Fatal(err)
	}
	c.Transports = Transports{provider, provider, provider}
	l := NewReloader(testReloaderConfig(c, load))
	l.Start("")
	ctx, cancel := context.WithCancel(t.Context())
	go l.Watch(ctx, nil)
	t.Cleanup(func() {
		cancel()
		l.Stop()
	})
	return l, provider
}

// expectReloads checks that log and metrics report an error of a key, or none if fails is empty, and
// show no secret.
func expectReloads(t *testing.T, what string, l *Reloader, logged, key, fails string) {
	t.Helper()
	metrics := httptest.NewRecorder()
	l.config.Config.Metrics.Handler().ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
	reported := strings.Contains(logged, "config reload failed, keeping previous config") && strings.Contains(logged, key)
	if reported != (fails != "") || !strings.Contains(logged, fails) {
		t.Errorf("%s: the log has %s", what, logged)
	}
	if text := metrics.Body.String(); strings.Contains(text, "\noauthgw_config_last_reload_successful 1\n") != (fails == "") || strings.Contains(text+logged, "canary") {
		t.Errorf("%s: log or metrics show a secret, or the metrics have another result", what)
	}
}

// TestH11SecretFileIsWatched checks that a replaced secret of a public client is lent within seconds,
// and that the previous one is lent while the file is missing or broken, which log and metric report.
func TestH11SecretFileIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const first, second = "canary-first-secret", "canary-second-secret"
		dir, log := t.TempDir(), make(logLines, 100)
		file, secret := filepath.Join(dir, "oauthgw.yaml"), filepath.Join(dir, "secret")
		write := func(name, text string) { writeFile(t, name, text) }
		write(secret, first+"\n")
		l, provider := startWatched(t, file, "clients: {agents: {secret_file: "+secret+", public: true, redirect_uris: [\"http://127.0.0.1/cb\"]}}\n", log)
		for _, step := range []struct {
			what   string
			change func()
			lent   string
			fails  string // the error in the log
		}{
			{"start", func() {}, first, ""},
			{"replaced", func() { write(secret, second+"\n") }, second, ""},
			{"removed", func() { _ = os.Remove(secret) }, second, "no such file or directory"},
			{"restored", func() { write(secret, first+"\r\n") }, first, ""},
			{"empty", func() { write(secret, "") }, first, "is empty"},
			{"half of it", func() { write(secret, second[:10]) }, first, "is shorter than 16 bytes"},
			{"several lines", func() { write(secret, second+"\n\n") }, first, "one line of printable ASCII"},
			{"moved into place", func() { write(secret+".new", second); _ = os.Rename(secret+".new", secret) }, second, ""},
		} {
			step.change()
			time.Sleep(2 * pollInterval)
			synctest.Wait()
			logged := log.take()
			r := httptest.NewRequest("POST", "/t", strings.NewReader("grant_type=refresh_token&refresh_token=x&client_id=agents"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			l.ServeHTTP(w, r)
			if got := provider.form.Get("client_secret"); w.Code != http.StatusOK || got != step.lent {
				t.Errorf("%s: status %d, %q was lent: %s", step.what, w.Code, got, w.Body)
			}
			expectReloads(t, step.what, l, logged+log.take(), "clients.agents.secret_file: ", step.fails)
		}
	})
}
