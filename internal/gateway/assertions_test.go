package gateway

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
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

// TestCA25CA38KeyFileIsWatched checks that replaced keys count within seconds, that a broken file changes
// nothing, which log and metric report, and that an assertion stays used across reloads.
func TestCA25CA38KeyFileIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, log := t.TempDir(), make(logLines, 100)
		file, keys := filepath.Join(dir, "oauthgw.yaml"), filepath.Join(dir, "keys")
		write := func(name, text string) {
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		set := func(members ...string) string { return `{"keys": [` + strings.Join(members, ",") + "]}" }
		one, two := newSigner("1"), newSigner("2")
		write(keys, set(one.jwk(false)))
		write(filepath.Join(dir, "secret"), "a-secret-of-billing")
		write(file, "upstream: {url: http://127.0.0.1:1}\nendpoints: {token: /t}\nclient_auth: {realm: a}\n"+
			"clients: {billing: {secret_file: "+dir+"/secret, assertions: [{jwks_file: "+keys+", audience: https://a}]}}\n")
		load := func() (config.Settings, error) { return config.Load(file, nil) }
		c := testConfig(t, "http://127.0.0.1:1", log)
		var err error
		if c.Settings, err = load(); err != nil {
			t.Fatal(err)
		}
		provider := &formProvider{}
		c.Transports = Transports{provider, provider, provider}
		l := NewReloader(testReloaderConfig(c, load))
		l.Start("")
		defer l.Stop()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go l.Watch(ctx, nil)
		post := func(assertion string) string {
			r := httptest.NewRequest("POST", "/t", strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "client_assertion": {assertion},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			l.ServeHTTP(w, r)
			return fmt.Sprint(w.Code, w.Body)
		}
		used := one.assertion()
		if got := post(used); got != "200 {}" || provider.form.Get("client_secret") != "a-secret-of-billing" {
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
				if got := post(s.assertion()); (got == "200 {}") != accepted || !accepted && !strings.HasPrefix(got, `400 {"error":"invalid_client",`) {
					t.Errorf("%s: got %s", step.what, got)
				}
			}
			if got := post(used); step.one && !strings.Contains(got, "create a new one for each request") {
				t.Errorf("%s: a replay gets %s", step.what, got)
			}
			reported := strings.Contains(logged, "config reload failed, keeping previous config") && strings.Contains(logged, "clients.billing.assertions[1].jwks_file: ")
			if reported != (step.fails != "") || !strings.Contains(logged, step.fails) || strings.Contains(logged+log.take(), "canary") {
				t.Errorf("%s: the log has %s", step.what, logged)
			}
			metrics := httptest.NewRecorder()
			c.Metrics.Handler().ServeHTTP(metrics, httptest.NewRequest("GET", "/metrics", nil))
			want := map[bool]string{true: "\noauthgw_config_last_reload_successful 1\n", false: "\noauthgw_config_last_reload_successful 0\n"}[step.fails == ""]
			if text := metrics.Body.String(); !strings.Contains(text, want) || strings.Contains(text, "canary") {
				t.Errorf("%s: the metrics lack %s", step.what, want)
			}
		}
	})
}
