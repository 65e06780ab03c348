package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"oauthgw/internal/legacy"
)

// statusPage returns the text of the status page, without its tags.
func statusPage(t *testing.T, admin string) string {
	t.Helper()
	_, body, _ := strings.Cut(fetch(t, "http://"+admin+"/", ""), "<body>")
	body = tags.ReplaceAllString(strings.ReplaceAll(body, "<wbr>", ""), " ")
	return strings.Join(strings.Fields(body), " ")
}

var tags = regexp.MustCompile(`<[^>]*>`)

func expectText(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q:\n%s", w, page)
		}
	}
}

// expectGroup checks that the table of the title has a group whose request ID is in the log.
func expectGroup(t *testing.T, page, title, group string, p *testProgram) {
	t.Helper()
	_, table, _ := strings.Cut(page, title+" ")
	m := regexp.MustCompile(regexp.QuoteMeta(group) + `\S+ UTC \d+ s ago ([A-Z0-9]+) `).FindStringSubmatch(table)
	if m == nil {
		t.Fatalf("the table %q lacks %q:\n%s", title, group, page)
	}
	eventually(t, "log line "+m[1], func() bool { return strings.Contains(p.log.String(), m[1]) })
}

// TestStatusPage checks that the page shows the state of the program without a request to the
// provider and without a secret.
func TestStatusPage(t *testing.T) {
	var requests atomic.Int32
	var l *legacy.Provider
	var failing atomic.Bool
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if failing.Load() {
			panic(http.ErrAbortHandler)
		}
		l.ServeHTTP(w, r)
	}))
	defer provider.Close()
	l = legacy.New(legacy.Config{PublicURL: provider.URL})
	p := startProgram(t, provider.URL, "public_url: "+provider.URL+"\nmetadata: {ttl: 1h}\nclient_auth: {conflict: report}\n")
	eventually(t, "readiness and metadata", func() bool { return status(t, "http://"+p.admin+"/-/ready") == 200 && requests.Load() == 2 })
	expectText(t, statusPage(t, p.admin), "Client authentication No requests in the last 60 minutes", "Request problems No requests yet.")
	send(t, p.data, fmt.Sprintf(basicRequest, "/oauth2/tokens")+"&client_id=app&client_secret=s3cret-four")
	send(t, p.data, "POST /oauth2/tokens?client_secret=s3cret-two HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\ncode=s3cret-three")
	before := requests.Load()

	page := statusPage(t, p.admin)
	expectText(t, page, "Gateway Ready 3 endpoints", "Client authentication Some failing 0 of 2 recent requests accepted, 1 rejected by the provider, 1 refused by the gateway, 1 with a tolerated conflict",
		"Provider Reachable last response", "Configuration Warnings 1 warning below", "Metadata OK",
		"Configuration warnings client_auth.failures: has no effect, because all connections to "+p.data+" come from this host",
		"Upstream "+provider.URL+" ", "Issuer "+provider.URL+" ", "token /oauth2/tokens client_secret_basic to client_secret_post provider metadata",
		"token client_secret_basic 0 1 0 0 0 0 ", "token unknown 0 0 1 0 0 0 ",
		"token_endpoint_auth_methods_supported changed [&#34;client_secret_post&#34;] [&#34;client_secret_post&#34;,&#34;client_secret_basic&#34;] ")
	expectGroup(t, page, "Rejected by the provider", "token client_secret_basic rejected 1 ", p)
	expectGroup(t, page, "Refused by the gateway", "token unknown query_credentials 1 ", p)
	expectGroup(t, page, "Tolerated conflicts", "token client_secret_basic multiple_methods 1 ", p)
	for _, secret := range []string{"s3cret-", "YXBwOnMzY3JldC1vbmU="} {
		if strings.Contains(page, secret) {
			t.Errorf("the page holds %s", secret)
		}
	}
	if requests.Load() != before {
		t.Error("the page caused a request to the provider")
	}

	p.write("passthru: 1\n")
	p.reload()
	expectText(t, statusPage(t, p.admin), "Configuration Reload failed", "Last load", "failed", "oauthgw.yaml:7: passthru: unknown key")
	p.write("trusted_proxies: [127.0.0.1]\nmax_connections: 50\nendpoints: {token: /elsewhere, registration: /oauth2/register}\nregistration: {translate: false}\n")
	p.reload()
	page = statusPage(t, p.admin)
	expectText(t, page, "Configuration Warnings 1 warning below", "a change of these settings requires a restart: max_connections", "succeeded", "token /elsewhere client_secret_basic to client_secret_post configuration", "registration /oauth2/register none configuration",
		"Metadata Problems 1 problem below", "endpoints.token is fronted at /elsewhere, but the metadata sends clients to &#34;/oauth2/tokens&#34;",
		"1 rejected by the provider")
	failing.Store(true)
	// A fetch of metadata may end later than the first request.
	eventually(t, "failure of a request", func() bool {
		send(t, p.data, fmt.Sprintf(basicRequest, "/elsewhere"))
		page := statusPage(t, p.admin)
		return strings.Contains(page, "Provider Failing") && strings.Contains(page, "a request at the token endpoint failed with status 502; see the log")
	})
}

// TestStatusPageOfClients checks that the page lists the configured clients with their uses since
// the start, also after a reload, and whether their secrets work.
func TestStatusPageOfClients(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer(okJSON + `{"access_token":"x","token_type":"Bearer"}`)
	p := startProgram(t, provider.url()+", client_auth: client_secret_basic", agentConfig+"  another: {provider_auth: client_secret_post}\n"+
		"  billing: {secret_file: testdata/secrets/agents, assertions: [{jwks_file: "+jwksFile(t)+"}]}\n")
	const settings = "public, registers, 1 alias, client_secret_basic "
	expectText(t, statusPage(t, p.admin), settings+"0 0 0 0 0 0 not used yet testdata/secrets/agents ")
	expectText(t, statusPage(t, p.admin), "token /oauth2/tokens client_secret_post to client_secret_basic configuration ",
		"registration /register registers client_secret_post as client_secret_basic configuration authorization /authorize none; requests are checked and repaired as configured configuration ")
	send(t, p.data, agentRegistration)
	send(t, p.data, agentToken)
	send(t, p.data, strings.Replace(agentToken, "refresh_token", "password", 1)) // refused
	expectText(t, statusPage(t, p.admin), settings+"2 1 0 1 0 1 works ")
	provider.answer(invalidClient)
	send(t, p.data, agentToken)
	p.write("")
	if _, text := p.reload(); text != "reloaded\n" {
		t.Error(text)
	}
	page := statusPage(t, p.admin)
	expectText(t, page, settings+"3 1 1 1 0 1 rejected ", "another client_secret_post 0 0 0 0 0 0 not lent ", "billing client_secret_basic private_key_jwt with 1 key 0 0 0 0 0 0 not used yet ", "agents last used ",
		"registration client_secret_basic 1 0 0 0 0 0 ", "token none 1 0 1 1 0 0 ")
	expectNoSecrets(t, "a lent secret", map[string]string{"page": page}, []string{strings.TrimSpace(contents("testdata/secrets/agents"))})
}

// jwksFile returns the name of a JWK Set with one key.
func jwksFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "client.jwks")
	writeFile(t, name, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`) // RFC 8037 appendix A.2
	return name
}
