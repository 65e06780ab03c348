package gateway

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net"
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

// signer signs assertions of the client billing with a key of its own.
type signer struct {
	key ed25519.PrivateKey
	ids int
}

func newSigner(seed string) *signer {
	return &signer{key: ed25519.NewKeyFromSeed([]byte(strings.Repeat(seed, ed25519.SeedSize)))}
}

var base64url = base64.RawURLEncoding.EncodeToString

// jwk returns the public key, or the private one.
func (s *signer) jwk(private bool) string {
	d := ""
	if private {
		d = `, "d": "canary-` + base64url(s.key.Seed()) + `"`
	}
	return fmt.Sprintf(`{"kty": "OKP", "crv": "Ed25519", "x": %q%s}`, base64url(s.key.Public().(ed25519.PublicKey)), d)
}

func (s *signer) assertion() string {
	s.ids++
	claims := fmt.Sprintf(`{"iss": "billing", "sub": "billing", "aud": "https://a", "exp": %d, "jti": "canary-%s-%d"}`, time.Now().Add(time.Minute).Unix(), base64url(s.key.Seed()), s.ids)
	input := base64url([]byte(`{"alg": "Ed25519"}`)) + "." + base64url([]byte(claims))
	return input + "." + base64url(ed25519.Sign(s.key, []byte(input)))
}

// post sends an assertion to a gateway, and returns status and body of the response.
func post(l *Reloader, assertion string) string {
	r := httptest.NewRequest("POST", "/t", strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return fmt.Sprint(w.Code, w.Body)
}

// TestCA25CA38KeyFileIsWatched checks that replaced keys count within seconds, that a broken file changes
// nothing, which log and metric report, and that an assertion stays used across reloads.
func TestCA25CA38KeyFileIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, log := t.TempDir(), make(logLines, 100)
		file, keys := filepath.Join(dir, "oauthgw.yaml"), filepath.Join(dir, "keys")
		write := func(name, text string) { writeFile(t, name, text) }
		set := func(members ...string) string { return `{"keys": [` + strings.Join(members, ",") + "]}" }
		one, two := newSigner("1"), newSigner("2")
		write(keys, set(one.jwk(false)))
		write(filepath.Join(dir, "secret"), "a-secret-of-billing")
		l, provider := startWatched(t, file, "clients: {billing: {secret_file: "+dir+"/secret, assertions: [{jwks_file: "+keys+", audience: https://a}]}}\n", log)
		used := one.assertion()
		if got := post(l, used); got != "200 {}" || provider.form.Get("client_secret") != "a-secret-of-billing" {
			t.Fatalf("got %s, and the provider %v", got, provider.form)
		}
		for _, step := range []struct {
			what     string
			change   func()
			one, two bool   // whether the keys count
			fails    string // the error in the log
		}{
			{"start", func() {}, true, false, ""},
			{"both keys", func() { write(keys, set(one.jwk(false), two.jwk(false))) }, true, true, ""},
			{"file removed", func() { _ = os.Remove(keys) }, true, true, "no such file or directory"},
			{"half of it", func() { write(keys, set(two.jwk(false))[:50]) }, true, true, "it is not a JWK Set"},
			{"no key", func() { write(keys, set()) }, true, true, "has no key that can verify assertions"},
			{"private key", func() { write(keys, set(one.jwk(true))) }, true, true, "key 1 is a private key"},
			{"first key removed", func() { write(keys, set(two.jwk(false))) }, false, true, ""},
			{"moved into place", func() { write(keys+".new", set(one.jwk(false))); _ = os.Rename(keys+".new", keys) }, true, false, ""},
		} {
			step.change()
			time.Sleep(2 * pollInterval)
			synctest.Wait()
			logged := log.take()
			for s, accepted := range map[*signer]bool{one: step.one, two: step.two} {
				if got := post(l, s.assertion()); (got == "200 {}") != accepted || !accepted && !strings.HasPrefix(got, `400 {"error":"invalid_client",`) {
					t.Errorf("%s: got %s", step.what, got)
				}
			}
			if got := post(l, used); step.one && !strings.Contains(got, "create a new one for each request") {
				t.Errorf("%s: a replay gets %s", step.what, got)
			}
			expectReloads(t, step.what, l, logged+log.take(), "clients.billing.assertions[1].jwks_file: ", step.fails)
		}
	})
}

// TestCA42ReloadKeepsFetchedKeys checks that keys from a URL serve after a reload while it cannot be fetched.
func TestCA42ReloadKeepsFetchedKeys(t *testing.T) {
	t.Parallel()
	dir, one := t.TempDir(), newSigner("1")
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"keys": [%s]}`, one.jwk(false)) }))
	defer keys.Close()
	writeFile(t, filepath.Join(dir, "secret"), "a-secret-of-billing")
	l, _ := startWatched(t, filepath.Join(dir, "oauthgw.yaml"), "clients: {billing: {secret_file: "+dir+"/secret, assertions: [{jwks_uri: '"+keys.URL+"', audience: https://a}]}}\n", make(logLines, 100))
	for deadline := time.Now().Add(20 * time.Second); post(l, one.assertion()) != "200 {}"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the keys are not fetched")
		}
	}
	keys.Close()
	if err := l.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := post(l, one.assertion()); got != "200 {}" {
		t.Errorf("got %s", got)
	}
}

// TestCA38PasswordOfRedis checks that connections to Redis use the password that the file has now.
func TestCA38PasswordOfRedis(t *testing.T) {
	t.Parallel()
	redis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Close() })
	received := make(logLines, 1000)
	go func() {
		for conn, err := redis.Accept(); err == nil; conn, err = redis.Accept() {
			first := make([]byte, 1000)
			n, _ := conn.Read(first)
			_, _ = received.Write(first[:n])
			_ = conn.Close()
		}
	}()
	dir, log, one := t.TempDir(), make(logLines, 1000), newSigner("1")
	write := func(name, text string) { writeFile(t, filepath.Join(dir, name), text) }
	write("keys", `{"keys": [`+one.jwk(false)+"]}")
	write("secret", "a-secret-of-billing")
	write("password", "canary\n")
	l, _ := startWatched(t, filepath.Join(dir, "oauthgw.yaml"), strings.ReplaceAll("clients: {billing: {secret_file: DIR/secret, assertions: [{jwks_file: DIR/keys, audience: https://a}]}}\n"+
		"state: {redis: 'redis://"+redis.Addr().String()+"', password_file: DIR/password}\n", "DIR", dir), log)
	for _, password := range []string{"canary-first", "canary-second"} {
		write("password", password+"\r\n")
		if err := l.Reload(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "a connection with "+password, func() bool {
			if got := post(l, one.assertion()); !strings.HasPrefix(got, `503 {"error":"temporarily_unavailable"`) {
				t.Errorf("with %s: got %s", password, got)
			}
			return strings.Contains(received.take(), "\n"+password+"\r\n")
		})
	}
	if logged := log.take(); strings.Contains(logged, "canary") {
		t.Errorf("the log shows a password: %s", logged)
	}
}
