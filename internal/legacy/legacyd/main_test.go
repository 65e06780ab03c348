package main

import (
	"bytes"
	"context"
	"encoding/json"
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

// Requests are lines of JSON without values.
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

// The issuer is the address, unless another origin is given.
func TestPublicURL(t *testing.T) {
	const origin = "https://gateway.example"
	for _, args := range [][]string{nil, {"--public-url=" + origin}} {
		address, stop := start(t, args...)
		response, err := http.Get(address + "/.well-known/oauth-authorization-server")
		if err != nil {
			t.Fatal(err)
		}
		var document struct{ Issuer string }
		err = json.NewDecoder(response.Body).Decode(&document)
		response.Body.Close()
		want := address
		if args != nil {
			want = origin
		}
		if err != nil || document.Issuer != want {
			t.Errorf("%v: issuer %q (%v), want %q", args, document.Issuer, err, want)
		}
		stop()
	}
}

// The proxy to the resource passes streams and removes the token.
func TestResourceProxy(t *testing.T) {
	done := make(chan struct{})
	resource := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Path+"?"+r.URL.RawQuery+" "+r.Header.Get("Authorization")+"\n")
		w.(http.Flusher).Flush()
		<-done
	}))
	defer resource.Close()
	defer close(done)
	handler, err := protectedResource(resource.URL + "/tools")
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(handler)
	defer proxy.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proxy.URL+"/mcp?a=b", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer hidden")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	line := make([]byte, 256)
	n, err := response.Body.Read(line)
	if want := "/tools?a=b \n"; err != nil || string(line[:n]) != want {
		t.Errorf("got %q (%v), want %q", line[:n], err, want)
	}
}

func TestClients(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clients.json")
	text := `[{"client_id": "a b", "client_secret": "hidden", "redirect_uris": ["https://client.example/"]}]`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address, _ := start(t, "--clients="+file)
	response, err := http.Get(address + "/oauth2/authorize?client_id=a+b&response_type=code")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d, want 200", response.StatusCode)
	}
}

func TestInvalidArguments(t *testing.T) {
	for _, args := range [][]string{{"--nonsense"}, {"--resource-url=mcp"}, {"--listen=256.0.0.1:0"}, {"--clients=missing.json"}, {"--clients=main.go"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
