package main

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// post makes a token request of the client app by HTTP Basic.
func post(t *testing.T, address, secret, id string) {
	t.Helper()
	send(t, address, "POST /oauth2/tokens HTTP/1.1\nHost: a\nX-Request-Id: "+id+"\nAuthorization: Basic "+base64.StdEncoding.EncodeToString([]byte("app:"+secret))+
		"\nContent-Type: application/x-www-form-urlencoded\n\ngrant_type=client_credentials")
}

// TestAudit checks that each client authentication leaves one record without a secret,
// also after a rotation, and that other paths leave none.
func TestAudit(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer(okJSON + `{"access_token":"x"}`)
	file := filepath.Join(t.TempDir(), "audit.json")
	p := startProgram(t, provider.url(), "endpoints: {token: /oauth2/tokens}\nclient_auth: {realm: example}\ntrusted_proxies: [127.0.0.1]\n")
	post(t, p.data, "right-canary", "unrecorded")
	p.write("audit: {file: " + file + "}\n")
	p.reload()
	post(t, p.data, "right-canary", "first")
	send(t, p.data, "GET /elsewhere HTTP/1.1\nHost: a")
	want := []map[string]any{
		{"msg": "client authentication", "endpoint": "token", "status": 200.0, "outcome": "accepted", "auth_method": "client_secret_basic",
			"client_id": "app", "basic_decoding": "plain", "client_ip": "127.0.0.1", "request_id": "first"},
		{"msg": "client authentication", "endpoint": "token", "status": 401.0, "outcome": "rejected", "auth_method": "client_secret_basic",
			"client_id": "app", "basic_decoding": "plain", "client_ip": "127.0.0.1", "request_id": "second"},
	}
	expectRecords(t, func() string { return contents(file) }, want[:1])
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	provider.answer("HTTP/1.1 400 Bad Request\nContent-Type: application/json\n\n{\"error\":\"invalid_client\"}")
	post(t, p.data, "wrong-canary", "second")
	expectRecords(t, func() string { return contents(file) }, want[1:])
	if p.stdout.String() != "" {
		t.Errorf("standard output: %s", p.stdout.String())
	}
	p.write("audit: {file: \"-\"}\n")
	p.reload()
	post(t, p.data, "wrong-canary", "second")
	expectRecords(t, p.stdout.String, want[1:])
	p.stop()
	for place, text := range map[string]string{"file": contents(file) + contents(file+".1"), "stdout": p.stdout.String(), "log": p.log.String()} {
		if strings.Contains(text, "canary") {
			t.Errorf("%s holds a secret:\n%s", place, text)
		}
	}
}

// agentConfig configures a client whose secret is lent.
const agentConfig = `endpoints: {authorization: /authorize, token: /oauth2/tokens, registration: /register}
clients:
  agents:
    secret_file: testdata/secrets/agents
    public: true
    register: true
    aliases: ["https://agent.example/client.json"]
    redirect_uris: ["https://agent.example/cb"]
`

// Requests of the client, and a registration.
const (
	agentToken = "POST /oauth2/tokens HTTP/1.1\nHost: a\nX-Request-Id: agent\nContent-Type: application/x-www-form-urlencoded\n\n" +
		"grant_type=refresh_token&refresh_token=canary&client_id=https%3A%2F%2Fagent.example%2Fclient.json"
	agentAuthorization = "GET /authorize?response_type=code&client_id=https%3A%2F%2Fagent.example%2Fclient.json&redirect_uri=https%3A%2F%2Fagent.example%2Fcb" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256 HTTP/1.1\nHost: a\nX-Request-Id: agent"
	agentRegistration = "POST /register HTTP/1.1\nHost: a\nX-Request-Id: agent\nContent-Type: application/json\n\n" + `{"redirect_uris":["https://agent.example/cb"]}`
	invalidClient     = "HTTP/1.1 401 Unauthorized\nContent-Type: application/json\n\n{\"error\":\"invalid_client\"}"
)

// TestAuditOfClients checks that records and log lines name the client whose secret was lent, or
// that was registered, and its alias.
func TestAuditOfClients(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer(okJSON + `{"access_token":"canary","token_type":"Bearer"}`)
	file := filepath.Join(t.TempDir(), "audit.json")
	p := startProgram(t, provider.url(), agentConfig+"trusted_proxies: [127.0.0.1]\naudit: {file: "+file+"}\n")
	send(t, p.data, agentRegistration)
	send(t, p.data, agentAuthorization)
	send(t, p.data, agentToken)
	provider.answer(invalidClient)
	send(t, p.data, agentToken)
	const alias = "https://agent.example/client.json"
	record := func(endpoint string, status float64, outcome, method string) map[string]any {
		return map[string]any{"msg": "client authentication", "endpoint": endpoint, "status": status, "outcome": outcome, "auth_method": method,
			"client": "agents", "client_ip": "127.0.0.1", "request_id": "agent"}
	}
	token, failed := record("token", 200, "accepted", "none"), record("token", 502, "failed", "none")
	for _, r := range []map[string]any{token, failed} {
		r["client_id"], r["alias"] = alias, alias
	}
	expectRecords(t, func() string { return contents(file) }, []map[string]any{record("registration", 201, "registered", "client_secret_basic"), token, failed})
	p.stop()
	for _, want := range []string{
		`"endpoint":"registration","status":201,"end":"complete","outcome":"registered","auth_method":"client_secret_basic","client":"agents"`,
		`"endpoint":"authorization","status":200,"end":"complete","method":"GET","path":"/authorize","client":"agents","alias":"` + alias + `"`,
		`"client":"agents","alias":"` + alias + `"`, `"err":"the provider rejects the secret in testdata/secrets/agents"`,
	} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, p.log.String())
		}
	}
	secret := strings.TrimSpace(contents("testdata/secrets/agents"))
	expectNoSecrets(t, "a lent secret", map[string]string{"file": contents(file), "log": p.log.String()}, []string{secret, "canary"})
}

func contents(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return string(text)
}

// expectRecords waits for records and compares them, except their time.
func expectRecords(t *testing.T, read func() string, want []map[string]any) {
	t.Helper()
	var got []map[string]any
	eventually(t, "the records", func() bool {
		got = nil
		for line := range strings.Lines(read()) {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				return false // it is being written
			}
			delete(record, "time")
			got = append(got, record)
		}
		return len(got) >= len(want)
	})
	if !slices.EqualFunc(got, want, func(a, b map[string]any) bool { return maps.Equal(a, b) }) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestA186AuditFileThatKeepsNothing checks that "check" and the program warn of an audit
// file that keeps no records, and that a name that cannot be written to is an error.
func TestA186AuditFileThatKeepsNothing(t *testing.T) {
	dir := t.TempDir()
	file, link, socket := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "socket")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, warned := range map[string]bool{file: false, "-": false, os.DevNull: true, link: true} {
		p := startProgram(t, "http://127.0.0.1:1", "endpoints: {token: /t}\naudit: {file: "+name+"}\n")
		out, _, err := invoke(t, "check", "--offline", "--config.file="+p.file)
		want := "audit.file: " + name + " is neither a regular file nor a pipe, so records may be lost; "
		if strings.Contains(out, "\nwarning: "+want) != warned || strings.Contains(out, "warning: audit.file") != warned || err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		p.stop()
		if log := p.log.String(); strings.Contains(log, `"warning":"`+want) != warned {
			t.Errorf("%s: the log is %s", name, log)
		}
	}
	for name, reason := range map[string]string{dir: "is a directory", socket: "no such device or address"} {
		_, _, err := invoke(t, "check", "--config.file="+configFile(t, "audit: {file: "+name+"}\n"))
		if got := errorText(err); !strings.Contains(got, "audit.file: "+name+" cannot be written: open "+name+": "+reason) {
			t.Errorf("got %q", got)
		}
	}
}
