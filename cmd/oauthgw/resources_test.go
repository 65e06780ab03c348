package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// startResourceProvider returns a provider whose metadata names an issuer. It has a document for the
// resource /own alone, and wants a token for all other paths.
func startResourceProvider(t *testing.T, issuer string) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/.well-known/oauth-authorization-server":
			_, _ = fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/t","response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}`, issuer)
		case r.URL.Path == "/.well-known/oauth-protected-resource/own":
			_, _ = io.WriteString(w, `{"resource":"https://internal.example/own"}`)
		case strings.HasPrefix(r.URL.Path, "/.well-known/"):
			http.NotFound(w, r)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(provider.Close)
	return provider.URL
}

// TestH09WithoutPublicURL checks that the issuer is discovered even if nothing else needs it, and
// that only requests for its host are about the resource.
func TestH09WithoutPublicURL(t *testing.T) {
	const configuration = "endpoints: {token: /t}\nclient_auth: {realm: a}\nresources: [{path: /mcp}]"
	g := startGateway(t, fileSettings(t, startResourceProvider(t, "https://idp.example"), configuration))
	metadata := func(host string) string {
		return send(t, g.data, "GET /.well-known/oauth-protected-resource/mcp HTTP/1.1\nHost: "+host)
	}
	eventually(t, "discovery", func() bool { return !strings.HasPrefix(metadata("idp.example"), "HTTP/1.1 503 ") })
	const document = `{"resource":"https://idp.example/mcp","authorization_servers":["https://idp.example"]}`
	if own, other := metadata("IDP.example:443"), metadata("idp.example.evil.example"); !strings.HasSuffix(own, "\n\n"+document) || !strings.HasPrefix(other, "HTTP/1.1 404 ") {
		t.Errorf("at the issuer's host: %s\nat another: %s", own, other)
	}
	const challenge = `Www-Authenticate: Bearer resource_metadata="https://idp.example/.well-known/oauth-protected-resource/mcp"`
	for host, want := range map[string]bool{"idp.example": true, "other.example": false} {
		if got := send(t, g.data, "GET /mcp HTTP/1.1\nHost: "+host); strings.Contains(got, challenge) != want || want != strings.Contains(got, "Www-Authenticate") {
			t.Errorf("Host: %s: got %s", host, got)
		}
	}
}

// TestH09Check checks that check reports a document of the provider that clients reject.
func TestH09Check(t *testing.T) {
	file := filepath.Join(t.TempDir(), "oauthgw.yaml")
	for path, want := range map[string]string{
		"/mcp": "metadata OK: no problems for strict clients\n",
		"/own": "/.well-known/oauth-protected-resource/own: The provider's own document names the resource \"https://internal.example/own\". Clients that use \"https://login.example.com/own\" reject it, ",
	} {
		writeFile(t, file, "upstream: {url: "+startResourceProvider(t, "https://login.example.com")+"}\npublic_url: https://login.example.com\nresources: [{path: "+path+"}]\n")
		expectCheck(t, path, "--config.file="+file, "the configuration is valid\n"+want, "")
	}
}
