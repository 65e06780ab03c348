package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// startMetadataProvider returns a provider whose metadata is a document, or nothing.
func startMetadataProvider(t *testing.T, document string) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/oauth-authorization-server" || document == "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, document)
	}))
	t.Cleanup(provider.Close)
	return provider.URL
}

const honest = `{"issuer":"https://a","authorization_endpoint":"https://a/a","token_endpoint":"https://a/t",` +
	`"response_types_supported":["code"],"code_challenge_methods_supported":["S256"]`

func TestCheckReportsMetadataProblems(t *testing.T) {
	for name, test := range map[string]struct{ document, config, text, json, err string }{
		"none": {honest + `}`, "", "metadata OK: no problems for strict clients\n", `"read":true,"problems":[]},"warnings":["client_auth.failures: has no effect, `, ""},
		"another origin": {honest + `,"revocation_endpoint":"https://b/r"}`, "",
			"The metadata sends clients to \"https://b/r\" and not to https://a.", `"read":true,"problems":["The metadata sends clients to \"https://b/r\" and not to`, ""},
		"rewritten": {honest + `,"authorization_response_iss_parameter_supported":true}`, "public_url: https://c\nmetadata: {issuer: rewrite}\n",
			"Authorization responses name the issuer \"https://a\" (RFC 9207)", `"read":true,"problems":["Authorization responses`, ""},
		"unlisted scope": {honest + `,"scopes_supported":["a"]}`, "repair: {requests: {scope: {rename: {x: b}}}}\n",
			"repair.requests.scope lets clients ask for \"b\", which", `"read":true,"problems":["repair.requests.scope lets clients ask for `, ""},
		"not read": {`[]`, "", "warning: ", `"read":false,"err":"`, "upstream.url: the metadata of PROVIDER cannot be fetched or used for the following reasons; to check without it, set --offline\n"},
		"no endpoint": {`{"issuer":"https://a"}`, "", "warning: ", `"read":false,"err":"/.well-known/oauth-authorization-server: the provider has no metadata document there: the JSON object names no endpoint by an http or https URL; add token_endpoint `,
			"upstream.url: the metadata of PROVIDER cannot be fetched or used for the following reasons; to check without it, set --offline\n/.well-known/oauth-authorization-server: the provider has no metadata document there: the JSON object names no endpoint"},
		"no token endpoint": {`{"issuer":"https://a","authorization_endpoint":"https://a/a"}`, "", "warning: ", `"read":false,"err":"the metadata names no token_endpoint`,
			"upstream.url: the metadata of PROVIDER cannot be fetched or used for the following reasons; to check without it, set --offline\nthe metadata names no token_endpoint"},
		"no document": {"", "", "warning: ", `"read":false,"err":"`, "upstream.url: the metadata of PROVIDER cannot be fetched or used for the following reasons; to check without it, set --offline\n"},
		"no document, configured endpoints": {"", "endpoints: {token: /t}\n", "The provider has no metadata, so clients that discover the endpoints do not find them.",
			`"read":true,"problems":["The provider has no metadata`, ""},
		"configured endpoints": {honest + `}`, "endpoints: {token: /t}\n", "metadata OK: no problems for strict clients\n", `"read":true,"problems":[]}`, ""},
	} {
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		provider := startMetadataProvider(t, test.document)
		wantErr := strings.ReplaceAll(test.err, "PROVIDER", provider)
		writeFile(t, file, "upstream: {url: "+provider+"}\n"+test.config)
		expectCheck(t, name, "--config.file="+file, "the configuration is valid\n"+test.text, wantErr)
		expectCheck(t, name, "--format=json --config.file="+file, `{"valid":true,"errors":[],"metadata":{`+test.json, wantErr)
	}
}

func TestCheckHTTPSToPlainPort(t *testing.T) {
	provider := strings.Replace(startMetadataProvider(t, honest+`}`), "http", "https", 1)
	expectCheck(t, "https", "--upstream.url="+provider, "the configuration is valid\nwarning: ", "upstream.url: the metadata of "+provider+
		" cannot be fetched or used for the following reasons; to check without it, set --offline\n"+
		"/.well-known/oauth-authorization-server: fetching metadata: the provider does not speak TLS at this port; write http in upstream.url")
}

// TestCheckOffline checks that --offline sends no request.
func TestCheckOffline(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }))
	defer provider.Close()
	args := "--offline --upstream.url=" + provider.URL
	expectCheck(t, "text", args, "the configuration is valid\nwarning: ", "")
	expectCheck(t, "JSON", args+" --format=json", `{"valid":true,"errors":[],"warnings":[`, "")
}

// expectCheck compares the beginning of what check prints, in JSON without white space, and
// of its error.
func expectCheck(t *testing.T, name, args, want, wantErr string) {
	t.Helper()
	out, _, err := invoke(t, append([]string{"check"}, strings.Fields(args)...)...)
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(out)) == nil {
		out = compact.String()
	}
	if !strings.HasPrefix(out, want) || !strings.HasPrefix(errorText(err), wantErr) || (err == nil) != (wantErr == "") {
		t.Errorf("%s: got %v\n%s", name, err, out)
	}
}

func TestCheckReportsErrorsInJSON(t *testing.T) {
	broken := configFile(t, "metadata:\n  issuer: keep\n")
	expectCheck(t, "errors", "--format=json --config.file="+broken+" --log.level=loud", `{"valid":false,"errors":[`+
		`{"flag":true,"key":"log.level","message":"must be one of debug, info, warn, error","allowed":["debug","info","warn","error"]},`+
		`{"file":"`+broken+`","line":3,"key":"metadata.issuer","message":"must be one of preserve, rewrite","allowed":["preserve","rewrite"]}]}`,
		"--log.level: must be one of debug, info, warn, error\n"+broken+":3: metadata.issuer: must be one of preserve, rewrite")
	expectCheck(t, "no configuration", "--format=json --config.file=absent.yaml",
		`{"valid":false,"errors":[{"file":"absent.yaml","message":"cannot be read: open absent.yaml: no such file or directory"}]}`, "absent.yaml: cannot be read: open absent.yaml: no such file or directory")
	expectCheck(t, "flags alone", "--format=json --upstream.url=x", `{"valid":false,"errors":[{"flag":true,"key":"upstream.url",`,
		"--upstream.url: must be an http or https URL without user, path, query or fragment, such as http://127.0.0.1:3000; run \"oauthgw help check\"")
}

// TestCA45CheckNamesTheKey checks that each error in the configuration of assertions and Redis has its line
// and its key, ends the program with 1, and shows nothing of a file or a password.
func TestCA45CheckNamesTheKey(t *testing.T) {
	const set = `{"keys": [{"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"%s}]}`
	dir := t.TempDir()
	for name, text := range map[string]string{"ok.jwks": fmt.Sprintf(set, ""), "private.jwks": fmt.Sprintf(set, `, "d": "canary"`), "symmetric.jwks": `{"keys": [{"kty": "oct", "k": "canary"}]}`,
		"pem.jwks": "-----BEGIN PRIVATE KEY-----\ncanary", "none.jwks": `{"keys": []}`} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	client := func(assertions ...string) string {
		return "clients:\n  a:\n    secret_file: testdata/secrets/agents\n    assertions:\n    - " + strings.Join(assertions, "\n    - ") + "\n"
	}
	const ok, workload = "{jwks_file: DIR/ok.jwks}", "{issuer: i, subject: s, jwks_file: DIR/ok.jwks}"
	for section, want := range map[string]string{
		client(ok): "", client(workload, ok): "", "state: {redis: 'rediss://h'}\n": "",
		"clients:\n  a:\n    assertions: [" + ok + "]\n":                                                   `"line":3,"key":"clients.a.secret_file"`,
		client(ok, "{subject: spiffe://a/b}"):                                                              `"line":7,"key":"clients.a.assertions[2]"`,
		client(ok, "{jwks_file: DIR/ok.jwks, jwks_uri: https://a}"):                                        `"line":7,"key":"clients.a.assertions[2].jwks_uri"`,
		client("{issuer: i, jwks_file: DIR/ok.jwks}"):                                                      `"line":6,"key":"clients.a.assertions[1].subject"`,
		client("{jwks_uri: http://a}"):                                                                     `"line":6,"key":"clients.a.assertions[1].jwks_uri"`,
		client("{jwks_file: DIR/private.jwks}"):                                                            `"line":6,"key":"clients.a.assertions[1].jwks_file"`,
		client(ok, "{jwks_file: DIR/symmetric.jwks, subject: spiffe://a/b}"):                               `"line":7,"key":"clients.a.assertions[2].jwks_file"`,
		client("{jwks_file: DIR/pem.jwks}"):                                                                `"line":6,"key":"clients.a.assertions[1].jwks_file"`,
		client("{jwks_file: DIR/none.jwks}"):                                                               `"line":6,"key":"clients.a.assertions[1].jwks_file"`,
		client(workload) + "  b: {secret_file: testdata/secrets/agents, assertions: [" + workload + "]}\n": `"line":7,"key":"clients.b.assertions[1].subject"`,
		client(ok) + "    redirect_uris: ['http://127.0.0.1/']\n    public: true\n":                        `"line":8,"key":"clients.a.public"`,
		"state: {redis: 'rediss://:canary@h'}\n":                                                           `"line":2,"key":"state.redis"`,
		"state:\n  redis: redis://h\n":                                                                     `"line":3,"key":"state.redis"`,
	} {
		file := configFile(t, strings.ReplaceAll(section, "DIR", dir))
		out, diagnostics, err := invoke(t, "check", "--offline", "--format=json", "--config.file="+file)
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(out)) != nil || !strings.Contains(compact.String(), `"valid":`) {
			t.Errorf("%s\ngot %s", section, out)
		}
		if !strings.Contains(compact.String(), want) || (exitCode(err, io.Discard) == 1) != (want != "") || want != "" && strings.Count(compact.String(), `"key":`) != 1 {
			t.Errorf("%s\ngot %v, want %s", section, err, want)
		}
		if strings.Contains(out+diagnostics+errorText(err), "canary") {
			t.Errorf("%s: the output shows a key or a password", section)
		}
	}
}
