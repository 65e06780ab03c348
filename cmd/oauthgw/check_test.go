package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
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
	for name, test := range map[string]struct{ document, config, want string }{
		"nothing": {honest + `}`, "", "metadata OK: no problems for strict clients\n"},
		"another origin": {honest + `,"revocation_endpoint":"https://b/r"}`, "",
			"The metadata sends clients to \"https://b\" and not to https://a: \"revocation_endpoint\"."},
		"rewritten": {honest + `,"authorization_response_iss_parameter_supported":true}`, "public_url: https://c\nmetadata: {issuer: rewrite}\n",
			"Authorization responses name the issuer \"https://a\" (RFC 9207)"},
		"no metadata": {`[]`, "", "The provider's metadata cannot be read now, so it was not checked: "},
		"configured endpoints": {honest + `}`, "endpoints: {token: /t}\n",
			"metadata OK: no problems for strict clients\n"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "oauthgw.yaml")
			text := "upstream: {url: " + startMetadataProvider(t, test.document) + "}\n" + test.config
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			out, _, err := invoke(t, "check", "--config.file="+file)
			if err != nil || !strings.HasPrefix(out, "the configuration is valid\n"+test.want) {
				t.Errorf("got %v\n%s", err, out)
			}
		})
	}
}

// TestCheckInJSON checks the same as JSON.
func TestCheckInJSON(t *testing.T) {
	honestly, broken := startMetadataProvider(t, honest+`}`), configFile(t, "metadata:\n  issuer: keep\n")
	for name, test := range map[string]struct{ args, out, err string }{
		"errors": {"--config.file=" + broken + " --log.level=loud", `{"valid":false,"errors":[` +
			`{"flag":true,"key":"log.level","message":"must be one of debug, info, warn, error","allowed":["debug","info","warn","error"]},` +
			`{"file":"` + broken + `","line":3,"key":"metadata.issuer","message":"must be one of preserve, rewrite","allowed":["preserve","rewrite"]}]}`,
			"oauthgw check: errors: 2"},
		"no configuration": {"--config.file=absent.yaml", `{"valid":false,"errors":[{"file":"absent.yaml","message":"cannot be read: open absent.yaml: no such file or directory"}]}`,
			"oauthgw check: errors: 1"},
		"no problems": {"--upstream.url=" + honestly, `{"valid":true,"errors":[],"metadata":{"read":true,"problems":[]},"warnings":["client_auth.failures: has no effect, `, ""},
		"problems": {"--upstream.url=" + startMetadataProvider(t, honest+`,"revocation_endpoint":"https://b/r"}`),
			`{"valid":true,"errors":[],"metadata":{"read":true,"problems":["The metadata sends clients to \"https://b\" and not to`, ""},
		"not read": {"--upstream.url=" + startMetadataProvider(t, `[]`), `{"valid":true,"errors":[],"metadata":{"read":false,"err":"`, ""},
	} {
		out, _, err := invoke(t, append([]string{"check", "--format=json"}, strings.Fields(test.args)...)...)
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(out)) != nil || !strings.HasPrefix(compact.String(), test.out) || errorText(err) != test.err {
			t.Errorf("%s: got %v\n%s", name, err, out)
		}
	}
}
