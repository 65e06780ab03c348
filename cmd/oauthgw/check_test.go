package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// startMetadataProvider returns a provider whose metadata is a document.
func startMetadataProvider(t *testing.T, document string) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/oauth-authorization-server" {
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
	for name, test := range map[string]struct{ document, config, text, json string }{
		"none": {honest + `}`, "", "metadata OK: no problems for strict clients\n", `"read":true,"problems":[]},"warnings":["client_auth.failures: has no effect, `},
		"another origin": {honest + `,"revocation_endpoint":"https://b/r"}`, "",
			"The metadata sends clients to \"https://b/r\" and not to https://a.", `"read":true,"problems":["The metadata sends clients to \"https://b/r\" and not to`},
		"rewritten": {honest + `,"authorization_response_iss_parameter_supported":true}`, "public_url: https://c\nmetadata: {issuer: rewrite}\n",
			"Authorization responses name the issuer \"https://a\" (RFC 9207)", `"read":true,"problems":["Authorization responses`},
		"not read":             {`[]`, "", "metadata not checked, because it cannot be fetched from the provider: ", `"read":false,"err":"`},
		"configured endpoints": {honest + `}`, "endpoints: {token: /t}\n", "metadata OK: no problems for strict clients\n", `"read":true,"problems":[]}`},
	} {
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		writeFile(t, file, "upstream: {url: "+startMetadataProvider(t, test.document)+"}\n"+test.config)
		expectCheck(t, name, "--config.file="+file, "the configuration is valid\n"+test.text, "")
		expectCheck(t, name, "--format=json --config.file="+file, `{"valid":true,"errors":[],"metadata":{`+test.json, "")
	}
}

// expectCheck compares the beginning of what check prints, in JSON without white space.
func expectCheck(t *testing.T, name, args, want, wantErr string) {
	t.Helper()
	out, _, err := invoke(t, append([]string{"check"}, strings.Fields(args)...)...)
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(out)) == nil {
		out = compact.String()
	}
	if !strings.HasPrefix(out, want) || errorText(err) != wantErr {
		t.Errorf("%s: got %v\n%s", name, err, out)
	}
}

func TestCheckReportsErrorsInJSON(t *testing.T) {
	broken := configFile(t, "metadata:\n  issuer: keep\n")
	expectCheck(t, "errors", "--format=json --config.file="+broken+" --log.level=loud", `{"valid":false,"errors":[`+
		`{"flag":true,"key":"log.level","message":"must be one of debug, info, warn, error","allowed":["debug","info","warn","error"]},`+
		`{"file":"`+broken+`","line":3,"key":"metadata.issuer","message":"must be one of preserve, rewrite","allowed":["preserve","rewrite"]}]}`,
		"oauthgw check: errors: 2")
	expectCheck(t, "no configuration", "--format=json --config.file=absent.yaml",
		`{"valid":false,"errors":[{"file":"absent.yaml","message":"cannot be read: open absent.yaml: no such file or directory"}]}`, "oauthgw check: errors: 1")
}
