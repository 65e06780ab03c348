package gateway

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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
