package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the program until the test ends, and returns its address and a function that
// stops it and returns its standard error.
func start(t *testing.T, args ...string) (address string, stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, writer := io.Pipe()
	var stderr bytes.Buffer
	stopped := make(chan error, 1)
	go func() { stopped <- run(ctx, args, writer, &stderr) }()
	t.Cleanup(cancel)
	line := make([]byte, 256)
	n, err := stdout.Read(line)
	address, found := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "listening on ")
	if err != nil || !found {
		t.Fatalf("printed %q (%v)", line[:n], err)
	}
	return address, func() string {
		cancel()
		if err := <-stopped; err != nil {
			t.Errorf("stopped with %v", err)
		}
		return stderr.String()
	}
}

// TestObservationsArePrinted checks that requests are printed as lines of JSON without values.
func TestObservationsArePrinted(t *testing.T) {
	address, stop := start(t)
	response, err := http.PostForm(address+"/oauth2/tokens", url.Values{"client_secret": {"hidden"}, "code": {"hidden"}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	want := `{"path":"/oauth2/tokens","authorization":false,"parameters":["client_secret","code"]}` + "\n"
	if got := stop(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFlags checks the flags that change what the provider serves.
func TestFlags(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clients.json")
	text := `[{"client_id": "a b", "client_secret": "hidden", "redirect_uris": ["https://client.example/"]}]`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address, _ := start(t, "--clients="+file, "--public-url=https://gateway.example", "--registration=false")
	for path, want := range map[string]string{
		"/.well-known/oauth-authorization-server":            `"issuer":"https://gateway.example"`,
		"/oauth2/authorize?client_id=a+b&response_type=code": "https://client.example/",
	} {
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !strings.Contains(string(text), want) || strings.Contains(string(text), "registration_endpoint") {
			t.Errorf("%s: got %s (%v)", path, text, err)
		}
	}
}

// TestResourceProxy checks that the proxy to the resource removes the token.
func TestResourceProxy(t *testing.T) {
	resource := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Path+"?"+r.URL.RawQuery+" "+r.Header.Get("Authorization"))
	}))
	defer resource.Close()
	handler, err := protectedResource(resource.URL + "/tools")
	if err != nil {
		t.Fatal(err)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/mcp?a=b", nil)
	r.Header.Set("Authorization", "Bearer hidden")
	handler.ServeHTTP(w, r)
	if want := "/tools?a=b "; w.Body.String() != want {
		t.Errorf("got %q, want %q", w.Body, want)
	}
}
