package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	agentAlias  = "https://agent.example/client.json"
	agentClient = "clients: {agents: {secret_file: testdata/secrets/agents, public: true, register: true, " +
		"aliases: ['" + agentAlias + "'], redirect_uris: ['http://127.0.0.1/callback']}}\n"
	agentLogin = "response_type=code&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" +
		"&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback&client_id="
	agentRefresh  = "grant_type=refresh_token&refresh_token=refresh-value&client_id="
	agentForm     = " HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\n"
	agentMetadata = `{"issuer":"https://a","token_endpoint":"https://a/token","revocation_endpoint":"https://a/revoke",` +
		`"token_endpoint_auth_methods_supported":["client_secret_post"],"authorization_endpoint":"https://`
)

// lentTo are requests that get the secret, and unlentTo are others of the same clients.
var (
	lentTo = []string{
		"POST /oauth2/tokens" + agentForm + agentRefresh + "agents",
		"POST /oauth2/tokens" + agentForm + agentRefresh + "basic",
		"POST /oauth2/tokens" + agentForm + "grant_type=authorization_code&code=c&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcallback" +
			"&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk&client_id=https%3A%2F%2Fagent.example%2Fclient.json",
		"POST /oauth2/revoke" + agentForm + "token=x&client_id=agents",
		"POST /par" + agentForm + agentLogin + "basic",
		"POST /oauth2/tokens" + agentForm + "grant_type=client_credentials&" + workloadForm,
	}
	unlentTo = []string{
		"POST /introspect" + agentForm + "token=x&client_id=agents",
		"POST /oauth2/tokens" + agentForm + "grant_type=password&client_id=agents",
		"POST /oauth2/tokens" + agentForm + "grant_type=client_credentials&client_id=pay",
		"GET /authorize?" + agentLogin + "agents HTTP/1.1\nHost: a",
		"GET /authorize?client_id=agents HTTP/1.1\nHost: a",
		"POST /register HTTP/1.1\nHost: a\n\n" + `{"redirect_uris":["http://127.0.0.1:1/callback"]}`,
		"GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a",
	}
)

// expectStatus fails the test if the response to a request has another status.
func (g testGateway) expectStatus(t *testing.T, status, request string) (response string) {
	t.Helper()
	response = send(t, g.data, request)
	if !strings.HasPrefix(response, "HTTP/1.1 "+status+" ") {
		t.Errorf("%.200q: got %.300s, want %s", request, response, status)
	}
	return response
}

// TestH02RefusedRedirectURIsAreLogged checks that the operator finds the redirect URI of a refused
// request, as text and cut, and nothing else of the request.
func TestH02RefusedRedirectURIsAreLogged(t *testing.T) {
	g := startConfiguredGateway(t, "endpoints: {authorization: /authorize}\n"+agentClient, "http://127.0.0.1:1")
	long := strings.Repeat("a", 1000)
	want := []string{
		"https://evil.example/cb?x=1", `"redirect_uri":"https://evil.example/cb?x=1"`,
		"https://evil.example/" + long, `"redirect_uri":"https://evil.example/` + long[:107] + `…"`,
		"https://evil.example/\u202e\"}", `"redirect_uri":"https://evil.example/\u202e\"}"`,
		"https://evil.example/\n\x1b[2J", `"redirect_uri":"https://evil.example/\n\u001b[2J"`,
		"", `"outcome":"redirect_uri"`,
	}
	for i := 0; i < len(want); i += 2 {
		login := strings.Replace(agentLogin, "http%3A%2F%2F127.0.0.1%3A1%2Fcallback", url.QueryEscape(want[i]), 1) + agentAlias + "&state=state-value"
		for _, request := range []string{"GET /authorize?" + login + " HTTP/1.1\nHost: a", "POST /authorize" + agentForm + login} {
			if page := g.expectStatus(t, "400", request); strings.Contains(page, "evil") || strings.Contains(page, "Location") {
				t.Errorf("%s: the page is %s", want[i], page)
			}
		}
	}
	lines := strings.Split(g.stop(), `"msg":"request"`)[1:]
	for i, line := range lines {
		if w := want[i/2*2+1]; !strings.Contains(line, w) || strings.Contains(line, "state-value") {
			t.Errorf("%s is not in %s", w, line)
		}
	}
}

// TestH02WithoutTheEndpoint checks requests for a public client before discovery, and where the
// metadata sends clients to an authorization endpoint at another origin or to none.
func TestH02WithoutTheEndpoint(t *testing.T) {
	var document atomic.Value
	document.Store("")
	provider := startPagesProvider(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, document.Load().(string))
	})
	start := func() testGateway {
		return startGateway(t, fileSettings(t, provider, "log: {level: debug}\n"+agentClient))
	}
	before := start()
	for query, status := range map[string]string{
		agentLogin + "agents": "503", agentLogin + url.QueryEscape(agentAlias): "503", "client_id=agents": "503", "Client-Id=%61gents": "503", "x=%2561gents": "503",
		"client_id=other": "200", "client_id=agents2": "200", "": "200",
	} {
		before.expectStatus(t, status, "GET /any?"+query+" HTTP/1.1\nHost: a")
	}
	before.expectStatus(t, "503", "POST /any"+agentForm+"client_id=agents")
	before.expectStatus(t, "503", "GET /any%3Fclient_id=agents HTTP/1.1\nHost: a")
	before.expectStatus(t, "503", "POST /register HTTP/1.1\nHost: a\n\n{}") // the provider may register it
	for _, endpoint := range []string{"b/authorize", "a:8443/authorize"} {
		document.Store(agentMetadata + endpoint + `"}`)
		g := start()
		g.expectStatus(t, "503", "POST /token"+agentForm+agentRefresh+"agents")
		g.expectStatus(t, "503", "POST /revoke"+agentForm+"token=x&client_id="+url.QueryEscape(agentAlias))
		g.expectStatus(t, "200", "POST /token"+agentForm+agentRefresh+"other")
		if metadata := g.expectStatus(t, "200", "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a"); strings.Contains(metadata, `"none"`) || strings.Contains(metadata, "client_id_metadata") || strings.Contains(metadata, "registration_endpoint") {
			t.Errorf("%s: the metadata is %s", endpoint, metadata)
		}
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		writeFile(t, file, "upstream: {url: "+provider+"}\n"+agentClient)
		out, _, _ := invokeWith(t, "", "check", "--config.file="+file)
		for _, text := range []string{fetch(t, "http://"+g.admin+"/", ""), out} {
			if !strings.Contains(text, "the secrets of public clients are not lent") {
				t.Errorf("%s: got %s", endpoint, text)
			}
		}
	}
}

// TestH02A214LargeBodies checks that a body that is too large to be read passes for no client: it
// could name one behind what was read.
func TestH02A214LargeBodies(t *testing.T) {
	g := startConfiguredGateway(t, "endpoints: {authorization: /authorize}\n"+agentClient, startProvider(t, "HTTP/1.1 200 OK\n\n"))
	padding := "x=" + strings.Repeat("x", 16<<10)
	body := strings.Join([]string{padding, "y" + padding, "z" + padding, "a" + padding[:15<<10]}, "&") + "&client_id="
	g.expectStatus(t, "200", "POST /authorize"+agentForm+body+"other")
	g.expectStatus(t, "200", "POST /authorize"+agentForm+body+"agents")
	g.expectStatus(t, "413", "POST /authorize"+agentForm+body+padding+"&client_id=agents")
	g.expectStatus(t, "413", "POST /authorize HTTP/1.1\nHost: a\nContent-Type: text/plain\n\n"+body+padding)
	g.expectStatus(t, "413", fmt.Sprintf("POST /authorize HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n%x\n%s\n0", 65<<10, strings.Repeat("x", 65<<10)))
}

// TestH05A216RejectionsAreLogged checks that the operator finds the file of a rejected secret, in one
// warning for each rejection, and that the audit log has the client and the alias.
func TestH05A216RejectionsAreLogged(t *testing.T) {
	g := startConfiguredGateway(t, "endpoints: {authorization: /authorize}\n"+strings.Replace(agentClient, "clients: {", "clients: {pay: {secret_file: testdata/secrets/pay, assertions: ["+workloadEntry+"]}, ", 1),
		startProvider(t, "HTTP/1.1 401 x\nContent-Type: application/json\n\n"+`{"error":"invalid_client","error_description":"provider-text"}`))
	for _, form := range []string{agentRefresh + url.QueryEscape(agentAlias), "grant_type=client_credentials&" + workloadForm} {
		if response := g.expectStatus(t, "502", tokenPost(t, form)); strings.Contains(response, "Www-Authenticate") || strings.Contains(response, "provider-text") {
			t.Errorf("the response is %s", response)
		}
	}
	log := g.stop()
	for _, part := range []string{`"level":"WARN","msg":"request"`, "testdata/secrets/agents", `"client":"agents"`, `"alias":"` + agentAlias + `"`, `"outcome":"failed"`,
		`"auth_method":"workload_jwt"`, "testdata/secrets/pay", `"client":"pay"`} {
		if !strings.Contains(log, part) {
			t.Errorf("%s is not in the log: %s", part, log)
		}
	}
	if strings.Contains(log, "provider-text") {
		t.Errorf("the log has text of the provider: %s", log)
	}
}

// TestH07ProviderThatRegisters checks that registrations for no configured client reach a provider
// that registers clients, at its endpoint, and that the metadata names that one.
func TestH07ProviderThatRegisters(t *testing.T) {
	provider := startPagesProvider(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, agentMetadata+`a/authorize","registration_endpoint":"https://a/connect"}`)
	})
	g := startGateway(t, fileSettings(t, provider, agentClient))
	post := func(path, uris string) string {
		return "POST " + path + " HTTP/1.1\nHost: a\nContent-Type: application/json\n\n" + `{"redirect_uris":[` + uris + `]}`
	}
	metadata := g.expectStatus(t, "200", "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a")
	if strings.Count(metadata, "registration_endpoint") != 1 || !strings.Contains(metadata, `"registration_endpoint":"https://a/connect"`) {
		t.Errorf("the metadata is %s", metadata)
	}
	for _, test := range [][4]string{
		{"201", "/connect", `"http://127.0.0.1:1/callback"`, `"client_id":"agents"`},
		{"200", "/connect", `"https://other.example/cb"`, "POST of /connect"},
		{"200", "/connect", `"http://127.0.0.1:1/callback","https://other.example/cb"`, "POST of /connect"},
		{"200", "/connect", "", "POST of /connect"},
		{"400", "/connect", `"http://127.0.0.1:1/callback"],"redirect_uris":["https://other.example/cb"`, "invalid_client_metadata"},
		{"200", "/register", `"http://127.0.0.1:1/callback"`, "POST of /register"},
	} {
		if response := g.expectStatus(t, test[0], post(test[1], test[2])); !strings.Contains(response, test[3]) {
			t.Errorf("%v: got %s", test, response)
		}
	}
	configured := startGateway(t, fileSettings(t, provider, "client_auth: {realm: a}\nendpoints: {token: /token, authorization: /authorize, registration: /connect}\n"+agentClient))
	if response := configured.expectStatus(t, "200", post("/connect", `"https://other.example/cb"`)); !strings.Contains(response, "POST of /connect") {
		t.Errorf("a gateway that has not served the metadata: got %s", response)
	}
	own := startConfiguredGateway(t, "endpoints: {authorization: /authorize, registration: /clients/new}\n"+agentClient, "http://127.0.0.1:1")
	own.expectStatus(t, "201", post("/clients/new", `"http://127.0.0.1:1/callback"`))
	own.expectStatus(t, "400", post("/clients/new", `"https://other.example/cb", "http://127.0.0.1:1/`+strings.Repeat("a", 1000)+`"`))
	if log, want := own.stop(), `"redirect_uris":"[https://other.example/cb, http://127.0.0.1:1/`+strings.Repeat("a", 82)+`…"`; !strings.Contains(log, want) || strings.Count(log, `"redirect_uris":`) > 1 {
		t.Errorf("%s is not in the log, or a second line has the field: %s", want, log)
	}
}

// TestH08RegistrationEndpoint checks where the metadata sends clients to register if the provider
// registers no clients, and that they are answered there.
func TestH08RegistrationEndpoint(t *testing.T) {
	provider := startPagesProvider(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, agentMetadata+`a/authorize"}`)
	})
	for path, section := range map[string]string{
		"/register":    "public_url: https://a\n",
		"/clients/new": "client_auth: {realm: a}\nendpoints: {token: /token, revocation: /revoke, authorization: /authorize, registration: /clients/new}\n",
	} {
		g := startGateway(t, fileSettings(t, provider, section+agentClient))
		metadata := g.expectStatus(t, "200", "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a")
		for _, member := range []string{`"registration_endpoint":"https://a` + path + `"`, `"client_id_metadata_document_supported":true`,
			`"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic","none"]`} {
			if !strings.Contains(metadata, member) {
				t.Errorf("%s: %s is not in %s", path, member, metadata)
			}
		}
		g.expectStatus(t, "201", "POST "+path+" HTTP/1.1\nHost: a\n\n"+`{"redirect_uris":["http://127.0.0.1:1/callback"]}`)
	}
}

// TestA218AliasesAreNotFetched checks that no request makes the gateway connect to where the URL of a
// client ID metadata document leads, whether it is configured or made up.
func TestA218AliasesAreNotFetched(t *testing.T) {
	l, _ := listenRaw(t, "tcp")
	at := "https://" + l.Addr().String() + "/client.json"
	g := startConfiguredGateway(t, "endpoints: {authorization: /authorize}\n"+strings.Replace(agentClient, agentAlias, at, 1), startProvider(t, okJSON+`{"access_token":"x"}`))
	for _, alias := range []string{at, at + "?other", strings.Replace(at, "https", "http", 1)} {
		alias = url.QueryEscape(alias)
		g.expectStatus(t, "200", "GET /authorize?"+agentLogin+alias+" HTTP/1.1\nHost: a")
		g.expectStatus(t, "200", "POST /oauth2/tokens"+agentForm+agentRefresh+alias)
		g.expectStatus(t, "200", "GET /authorize?client_id=other&request_uri="+alias+" HTTP/1.1\nHost: a")
		send(t, g.data, "POST /register HTTP/1.1\nHost: a\nContent-Type: application/json\n\n"+`{"redirect_uris":["http://127.0.0.1:1/callback"],"client_uri":"`+at+`","jwks_uri":"`+at+`"}`)
	}
	g.stop()
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Millisecond)) // a connection waits already
	if c, err := l.Accept(); err == nil {
		t.Errorf("the gateway connected from %s", c.RemoteAddr())
	}
}
