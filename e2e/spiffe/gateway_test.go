package spiffe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
)

const secret = "only the provider and the gateway know it"

// gateway is a running gateway in front of a provider that knows only the secret.
type gateway struct{ http *http.Client }

func startGateway(t *testing.T, bundle *spiffebundle.Bundle) gateway {
	t.Helper()
	directory := t.TempDir()
	file := func(name string, contents []byte) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, contents, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	socket := filepath.Join(directory, "gateway")
	assertions := []any{map[string]any{"jwks_file": file("bundle.jwks", must(bundle.Marshal())), "subject": workload}}
	config := must(json.Marshal(map[string]any{
		"listen":     "unix:" + socket,
		"public_url": issuer,
		"admin":      map[string]any{"listen": "unix:" + filepath.Join(directory, "admin")},
		"upstream":   map[string]any{"url": startProvider(t)},
		"clients":    map[string]any{"billing": map[string]any{"secret_file": file("secret", []byte(secret)), "assertions": assertions}},
	}))
	var output bytes.Buffer
	process := exec.CommandContext(t.Context(), "../.build/oauthgw", "serve", "--config.file="+file("oauthgw.yaml", config))
	process.Stdout, process.Stderr = &output, &output
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Wait() }) // the context has ended it
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	g := gateway{&http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 10 * time.Second}}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := g.http.Get("http://gateway/.well-known/oauth-authorization-server")
		if err == nil {
			response.Body.Close()
			return g
		}
		if time.Now().After(end) {
			t.Fatalf("the gateway does not listen: %v\n%s", err, output.String())
		}
	}
}

// startProvider starts a provider that reads the secret from the form and returns its URL.
func startProvider(t *testing.T) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodGet:
			fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"%[1]s/token","response_types_supported":["code"]}`, issuer)
		case r.PostFormValue("client_id") == "billing" && r.PostFormValue("client_secret") == secret && r.PostFormValue("client_assertion") == "":
			fmt.Fprint(w, `{"access_token":"granted","token_type":"Bearer"}`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client"}`)
		}
	}))
	t.Cleanup(provider.Close)
	return provider.URL
}

// send requests a token with an assertion and returns the status of the response and its error.
func (g gateway) send(t *testing.T, kind, assertion string) (status int, problem string) {
	t.Helper()
	response, err := g.http.PostForm("http://gateway/token", url.Values{
		"grant_type":            {"client_credentials"},
		"client_id":             {"billing"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:" + kind},
		"client_assertion":      {assertion},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body struct {
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body.Error
}
