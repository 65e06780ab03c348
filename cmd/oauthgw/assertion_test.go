package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	loginIssuer = "https://login.example.com"
	// assertingClients sign with their own key, or are a workload. Audience stands in for the issuer, so
	// nothing needs to be discovered.
	assertingClients = `endpoints: {token: /oauth2/tokens, revocation: /oauth2/revoke, introspection: /introspect}
clients:
  billing: {secret_file: testdata/secrets/billing, assertions: [{audience: "` + loginIssuer + `", jwks_file: testdata/assertions/billing.jwks}]}
  pay: {secret_file: testdata/secrets/pay, assertions: [` + workloadEntry + `]}
`
	workloadEntry = `{issuer: "https://cluster.example", subject: "system:serviceaccount:pay:api", audience: "` + loginIssuer + `", jwks_file: testdata/assertions/cluster.jwks}`
	assertionForm = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion="
	workloadForm  = assertionForm + `{{cluster {"alg":"ES256","kid":"cluster-ec"} {"iss":"https://cluster.example","sub":"system:serviceaccount:pay:api","aud":["` + loginIssuer + `"],"exp":600}}}`
)

// ownForm returns the form of a client that signs with its own key. It is signed again whenever it is sent.
func ownForm(audience, jti string) string {
	return fmt.Sprintf(`grant_type=client_credentials&%s{{billing {"alg":"EdDSA"} {"iss":"billing","sub":"billing","aud":"%s","exp":60,"jti":"%s"}}}`, assertionForm, audience, jti)
}

// tokenPost returns a token request with a form whose assertion is signed.
func tokenPost(t *testing.T, form string) string {
	t.Helper()
	return placeholders{}.sign(t, "POST /oauth2/tokens"+agentForm+form)
}

// TestCA22A227TwentyAtOnce sends one assertion in twenty requests to three endpoints at the same time.
// Exactly one reaches the provider.
func TestCA22A227TwentyAtOnce(t *testing.T) {
	t.Parallel()
	provider := startScriptedProvider(t)
	provider.answer(okJSON + `{"active":true,"access_token":"x","token_type":"Bearer"}`)
	g := startConfiguredGateway(t, assertingClients, provider.url())
	request := tokenPost(t, "token=t&"+ownForm(loginIssuer, "jti-at-once"))
	var senders sync.WaitGroup
	var accepted, replayed atomic.Int32
	for i := range 20 {
		senders.Go(func() {
			path := []string{"/oauth2/tokens", "/oauth2/revoke", "/introspect"}[i%3]
			switch response := send(t, g.data, strings.Replace(request, "/oauth2/tokens", path, 1)); {
			case strings.HasPrefix(response, "HTTP/1.1 200 "):
				accepted.Add(1)
			case strings.Contains(response, "was used before"):
				replayed.Add(1)
			}
		})
	}
	senders.Wait()
	if sent := strings.Count(provider.received(), "client_secret="); accepted.Load() != 1 || replayed.Load() != 19 || sent != 1 {
		t.Errorf("%d accepted, %d replayed, %d sent to the provider", accepted.Load(), replayed.Load(), sent)
	}
}

// TestA227PipelinedReplay sends one assertion in two requests on one connection, before any response.
func TestA227PipelinedReplay(t *testing.T) {
	t.Parallel()
	g := startConfiguredGateway(t, assertingClients, startProvider(t, okJSON+`{"access_token":"x","token_type":"Bearer"}`))
	c, err := net.Dial("tcp", g.data)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	request := wire(tokenPost(t, ownForm(loginIssuer, "jti-pipelined")))
	if _, err := c.Write(append(request, request...)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for _, want := range []string{"HTTP/1.1 200 ", "HTTP/1.1 400 "} {
		if response, err := readMessage(r); err != nil || !strings.HasPrefix(response, want) {
			t.Errorf("got %v %s, want %s", err, response, want)
		}
	}
}

// TestCA25ReloadKeepsUsedAssertions checks that a reload forgets no used assertion, and a restart does.
func TestCA25ReloadKeepsUsedAssertions(t *testing.T) {
	t.Parallel()
	provider := startProvider(t, okJSON+`{"access_token":"x","token_type":"Bearer"}`)
	start := func() *testProgram { return startProgram(t, provider, "client_auth: {realm: a}\n"+assertingClients) }
	p, request := start(), tokenPost(t, ownForm(loginIssuer, "jti-reload"))
	expect := func(p *testProgram, want string) {
		t.Helper()
		testGateway{data: p.data}.expectStatus(t, want, request)
	}
	expect(p, "200")
	expect(p, "400")
	p.write("passthrough: false\n")
	if code, text := p.reload(); code != 200 {
		t.Fatal(text)
	}
	expect(p, "400")
	p.stop()
	expect(start(), "200")
}

// TestCA29RejectedAssertionsAreNotCounted checks that twenty rejected assertions do not limit the client,
// and that a failure of a secret from the same address does not stop it either.
func TestCA29RejectedAssertionsAreNotCounted(t *testing.T) {
	t.Parallel()
	g := startConfiguredGateway(t, "trusted_proxies: [127.0.0.1]\nclient_auth: {failures: {burst: 1, interval: 1h}}\n"+assertingClients,
		startProvider(t, okJSON+`{"access_token":"x","token_type":"Bearer"}`))
	request := func(form string) string {
		return strings.Replace(tokenPost(t, form), "Host: a\n", "Host: a\nX-Forwarded-For: 192.0.2.1\n", 1)
	}
	for i := range 20 {
		g.expectStatus(t, "400", request(ownForm("https://other.example", fmt.Sprint("jti-", i))))
		g.expectStatus(t, "400", request("grant_type=client_credentials&client_id=billing&client_secret=wrong-secret"))
	}
	g.expectStatus(t, "200", request(ownForm(loginIssuer, "jti-good")))
	g.expectStatus(t, "200", request(workloadForm))
}

// TestCA48AuditOfAssertions checks that records and log lines name method, client, key and workload, and
// nothing of an assertion: not the jti, and of a rejected one no claim.
func TestCA48AuditOfAssertions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, keys := filepath.Join(dir, "audit.json"), filepath.Join(dir, "ledger.jwks")
	writeFile(t, keys, strings.ReplaceAll(jwks(t, "ledger"), `"kid":`, `"other":`))
	p := startProgram(t, startProvider(t, okJSON+`{"access_token":"canary","token_type":"Bearer"}`),
		"client_auth: {realm: a}\ntrusted_proxies: [127.0.0.1]\nlog: {level: debug}\naudit: {file: "+file+"}\n"+assertingClients+
			"  ledger: {secret_file: testdata/secrets/ledger, assertions: [{audience: a, jwks_file: "+keys+"}]}\n")
	signed := placeholders{}
	for _, form := range []string{
		ownForm(loginIssuer, "jti-canary"), ownForm(loginIssuer, "jti-canary"), workloadForm,
		assertionForm + `{{ledger {"alg":"EdDSA"} {"iss":"ledger","sub":"ledger","aud":"a","exp":60,"jti":"jti-canary"}}}`,
		ownForm("https://canary.example", "jti-canary"),
		assertionForm + `{{billing {"alg":"EdDSA","kid":"kid-canary"} {"iss":"iss-canary","sub":"sub-canary","aud":"aud-canary","exp":60,"jti":"jti-canary"}}}&client_id=billing`,
		assertionForm + `{{attacker {"alg":"EdDSA"} {"iss":"https://cluster.example","sub":"system:serviceaccount:pay:api","aud":"aud-canary","exp":60}}}`,
	} {
		send(t, p.data, signed.sign(t, strings.Replace("POST /oauth2/tokens"+agentForm, "Host: a\n", "Host: a\nX-Request-Id: one\n", 1)+form))
	}
	_, ed := keysOf(t, "ledger")
	thumbprint := sha256.Sum256(fmt.Appendf(nil, `{"crv":"Ed25519","kty":"OKP","x":"%s"}`, base64.RawURLEncoding.EncodeToString(ed.Public().(ed25519.PublicKey)))) // RFC 7638
	want := []map[string]any{
		{"status": 200.0, "outcome": "accepted", "auth_method": "private_key_jwt", "client": "billing", "key": "billing-ed"},
		{"status": 400.0, "outcome": "assertion_replayed", "auth_method": "private_key_jwt", "client": "billing", "key": "billing-ed"},
		{"status": 200.0, "outcome": "accepted", "auth_method": "workload_jwt", "client": "pay", "key": "cluster-ec", "issuer": "https://cluster.example", "subject": "system:serviceaccount:pay:api"},
		{"status": 200.0, "outcome": "accepted", "auth_method": "private_key_jwt", "client": "ledger", "key": base64.RawURLEncoding.EncodeToString(thumbprint[:])},
		{"status": 400.0, "outcome": "assertion_audience", "auth_method": "private_key_jwt", "client": "billing", "key": "billing-ed"},
		{"status": 400.0, "outcome": "assertion_key", "auth_method": "client_assertion", "client": "billing"},
		{"status": 400.0, "outcome": "assertion_signature", "auth_method": "workload_jwt", "client": "pay"},
	}
	for _, record := range want {
		record["msg"], record["endpoint"], record["client_ip"], record["request_id"] = "client authentication", "token", "127.0.0.1", "one"
		if _, known := record["key"]; known || record["outcome"] == "assertion_key" {
			record["client_id"] = record["client"]
		}
	}
	expectRecords(t, func() string { return contents(file) }, want)
	p.stop()
	for compact := range signed {
		expectNoSecrets(t, "an assertion", map[string]string{"file": contents(file), "log": p.log.String()}, append(signed.secrets(), compact, "canary"))
	}
	for _, part := range []string{`"auth_method":"workload_jwt"`, `"key":"cluster-ec"`, `"issuer":"https://cluster.example"`, `"subject":"system:serviceaccount:pay:api"`} {
		if !strings.Contains(p.log.String(), part) {
			t.Errorf("the log lacks %s:\n%s", part, p.log.String())
		}
	}
}

// TestCA40CA41CA42CA49KeysAtAURL checks that keys at a URL are fetched, that unknown ones make no further
// fetch so soon, and that a URL without keys is 503. The metrics count the fetches, and used assertions.
func TestCA40CA41CA42CA49KeysAtAURL(t *testing.T) {
	t.Parallel()
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/jwks" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, jwks(t, "cluster"))
	}))
	t.Cleanup(keys.Close)
	remote := strings.Replace(assertingClients, "jwks_file: testdata/assertions/cluster.jwks", "jwks_uri: "+keys.URL+"/jwks", 1)
	g := startConfiguredGateway(t, remote, startProvider(t, okJSON+`{"access_token":"x","token_type":"Bearer"}`))
	eventually(t, "the keys", func() bool { return strings.HasPrefix(send(t, g.data, tokenPost(t, workloadForm)), "HTTP/1.1 200 ") })
	for i := range 5 {
		g.expectStatus(t, "400", tokenPost(t, strings.Replace(workloadForm, "cluster-ec", fmt.Sprint("unknown-", i), 1)))
	}
	g.expectStatus(t, "200", tokenPost(t, ownForm(loginIssuer, "jti-counted")))
	g.expectStatus(t, "400", tokenPost(t, ownForm(loginIssuer, "jti-counted")))
	g.expectSeries(t, "oauthgw_replays_remembered 1", `oauthgw_jwks_fetches_total{result="success"} 1`, `oauthgw_jwks_fetches_total{result="failure"} 0`, "oauthgw_jwks_age_seconds ", "oauthgw_state_up 1")

	g = startConfiguredGateway(t, "state: {redis: 'redis://127.0.0.1:1'}\n"+strings.Replace(remote, "/jwks", "/other", 1), "http://127.0.0.1:1")
	if response := g.expectStatus(t, "503", tokenPost(t, workloadForm)); !strings.Contains(response, "Retry-After: ") {
		t.Errorf("got %s", response)
	}
	g.expectSeries(t, "oauthgw_replays_remembered 0", `oauthgw_jwks_fetches_total{result="failure"} 1`, "oauthgw_state_up 0",
		`oauthgw_client_auth_total{auth_method="workload_jwt",endpoint="token",outcome="keys_unavailable"} 1`)
}

// expectSeries waits until the metrics have lines that begin like these.
func (g testGateway) expectSeries(t *testing.T, begin ...string) {
	t.Helper()
	for _, line := range begin {
		eventually(t, line, func() bool { return strings.Contains("\n"+g.scrape(t), "\n"+line) })
	}
}
