package proxy_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"
	"oauthgw/internal/state"
	"oauthgw/proxy"
)

// TestCA25ReplaysFull checks that a client that has used as many assertions as can be remembered gets 503
// and may try again later, that no assertion is forgotten before it expires, and that other clients are served.
func TestCA25ReplaysFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		encode := base64.RawURLEncoding.EncodeToString
		keys, _, err := assertion.ParseKeys(fmt.Appendf(nil, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"%s"}]}`, encode(public)))
		if err != nil {
			t.Fatal(err)
		}
		var list []clients.Client
		for _, id := range []string{"app", "other"} {
			list = append(list, clients.Client{ID: id, Secret: clientauth.NewSecret("s3cret-one"), Issuers: []clients.Issuer{{Keys: keys}}})
		}
		used := state.NewMemory()
		g := newGuarded(t, func(c *proxy.Config) {
			c.Clients, c.State = clients.New(clientauth.Post, list), used
			c.Issuer = func(context.Context) string { return "https://login.example.com" }
		})
		exp := 946684800 + 3600 // a test in a bubble begins with the year 2000
		assert := func(id, jti string) (status int, text, retry string) {
			text = encode([]byte(`{"alg":"EdDSA"}`)) + "." + encode(fmt.Appendf(nil, `{"iss":"%s","sub":"%[1]s","aud":"https://login.example.com","exp":%d,"jti":"%s"}`, id, exp, jti))
			text += "." + encode(ed25519.Sign(private, []byte(text)))
			w := g.from(client, "grant_type=client_credentials&client_assertion_type="+assertion.TypeJWT+"&client_assertion="+text)
			return w.Code, w.Body.String(), w.Header().Get("Retry-After")
		}
		if status, _, _ := assert("app", "first"); status != 200 {
			t.Fatalf("the first: got %d", status)
		}
		for i := 0; err == nil; i++ {
			err = used.UseOnce(t.Context(), "app", state.NewKey(strconv.Itoa(i)), time.Hour)
		}
		status, text, retry := assert("app", "more")
		if status != 503 || !strings.Contains(text, `"temporarily_unavailable"`) || retry == "" {
			t.Errorf("full: got %d %s %s", status, text, retry)
		}
		if status, text, _ := assert("app", "first"); status != 400 || !strings.Contains(text, "was used before") {
			t.Errorf("a replay while full: got %d %s", status, text)
		}
		if status, _, _ := assert("other", "more"); status != 200 {
			t.Errorf("another client: got %d", status)
		}
		time.Sleep(time.Hour + time.Minute)
		exp += 3600
		if status, _, _ := assert("app", "more"); status != 200 {
			t.Errorf("after their end: got %d", status)
		}
		if n := g.asked.Load(); n != 3 || !strings.Contains(g.log.String(), `"outcome":"replays_full"`) {
			t.Errorf("the provider was asked %d times; the log is %s", n, g.log)
		}
	})
}
