package main

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthgw/internal/legacy"
)

var printConformance = flag.Bool("conformance", false, "print the conformance table with the result of each row")

// rowTests prove the rows that an exchange file cannot tell. Every other row
// is named in the first line of the one file that proves it, as in
//
//	Rows: R01 R43
var rowTests = map[string]func(*testing.T){
	"R15": testLongAuthorization,
	"R25": testConflictUnderEveryConfiguration,
	"R48": testUntrustedProvider,
	"R63": testOutage,
	"R79": testMetadataOutage,
}

var rowsLine = regexp.MustCompile(`\ARows:((?: R\d\d)+)\n`)

// TestConformance runs what proves each row of the table, and fails where a
// row has no proof, or more than one.
func TestConformance(t *testing.T) {
	table, err := os.ReadFile("testdata/conformance.txt")
	if err != nil {
		t.Fatal(err)
	}
	proofs := storiesByRow(t)
	for row := range rowTests {
		proofs[row] = append(proofs[row], "conformance_test.go")
	}
	for line := range strings.Lines(string(table)) {
		row := line[:3]
		passed := t.Run(row, func(t *testing.T) { prove(t, row, proofs[row]) })
		if *printConformance {
			fmt.Printf("%s  %-86s %s\n", map[bool]string{true: "pass", false: "FAIL"}[passed], strings.TrimSpace(line), strings.Join(proofs[row], " "))
		}
		delete(proofs, row)
	}
	for row := range proofs {
		t.Errorf("%v proves %s, which is not in the table", proofs[row], row)
	}
}

func storiesByRow(t *testing.T) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	proofs := map[string][]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := rowsLine.FindSubmatch(text); m != nil {
			for _, row := range strings.Fields(string(m[1])) {
				proofs[row] = append(proofs[row], filepath.Base(name))
			}
		}
	}
	return proofs
}

func prove(t *testing.T, row string, proofs []string) {
	switch {
	case len(proofs) != 1:
		t.Fatalf("%s is proved by %d: %v", row, len(proofs), proofs)
	case rowTests[row] != nil:
		rowTests[row](t)
	default:
		readStory(t, filepath.Join("testdata/exchanges", proofs[0])).run(t)
	}
}

// unasked returns a gateway before a provider that must not be asked.
func unasked(t *testing.T, change ...func(*config)) storyGateway {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") }))
	t.Cleanup(provider.Close)
	return frontedGateway(t, provider.URL, change...)
}

// frontedGateway returns a gateway with a token endpoint at /t.
func frontedGateway(t *testing.T, upstream string, change ...func(*config)) storyGateway {
	t.Helper()
	change = append(change, func(c *config) { c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a" })
	return startGateway(t, learning(t, upstream, change...))
}

func testLongAuthorization(t *testing.T) {
	long := strings.Replace(fmt.Sprintf(basicRequest, "/t"), "YXBw", strings.Repeat("YXBw", 2500), 1)
	if answer := send(t, unasked(t).data, long); !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, "too long") {
		t.Errorf("got %s", answer)
	}
	huge := strings.Replace(fmt.Sprintf(basicRequest, "/t"), "YXBw", strings.Repeat("YXBw", 7500), 1)
	if answer := send(t, unasked(t).data, huge); !strings.HasPrefix(answer, "HTTP/1.1 431 ") {
		t.Errorf("got %s", answer)
	}
}

func testConflictUnderEveryConfiguration(t *testing.T) {
	both := strings.Replace(fmt.Sprintf(basicRequest, "/t"), "grant_type=x", "client_id=app&client_secret=another", 1)
	for _, decoding := range []string{"auto", "form", "raw"} {
		for _, conflict := range []string{"differing", "any"} {
			for _, challenge := range []string{"always", "basic"} {
				g := unasked(t, func(c *config) {
					c.ClientAuth.BasicDecoding, c.ClientAuth.Conflict, c.ClientAuth.Challenge = decoding, conflict, challenge
					c.ClientAuth.InsecureQueryCredentials = true
				})
				if answer := send(t, g.data, both); !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, `"invalid_request"`) {
					t.Errorf("%s, %s, %s: got %s", decoding, conflict, challenge, answer)
				}
			}
		}
	}
}

// nobodys is a log that nobody reads.
func nobodys() *slog.Logger { return slog.New(slog.DiscardHandler) }

func testUntrustedProvider(t *testing.T) {
	var asked atomic.Int32
	provider := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"t0ken-value"}`))
	}))
	defer provider.Close()
	provider.Config.ErrorLog = newStandardLog(nobodys)
	answer := send(t, frontedGateway(t, provider.URL).data, fmt.Sprintf(basicRequest, "/t"))
	if !strings.HasPrefix(answer, "HTTP/1.1 502 ") || !strings.Contains(answer, `"server_error"`) || asked.Load() != 0 {
		t.Errorf("got %s; the provider was asked %d times", answer, asked.Load())
	}
	trusted := frontedGateway(t, provider.URL, func(c *config) { c.Upstream.CAFile = writeCertificate(t, provider) })
	if answer := send(t, trusted.data, fmt.Sprintf(basicRequest, "/t")); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("with its certificate: got %s", answer)
	}
}

// hang answers nothing until the client leaves, which a server notices once it
// has read the request.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func testOutage(t *testing.T) {
	for name, provider := range map[string]http.HandlerFunc{
		"hangs up": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"hangs":    hang,
		"fails":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"is busy":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"is down":  nil,
	} {
		server := httptest.NewServer(provider)
		server.Config.ErrorLog = newStandardLog(nobodys)
		if provider == nil {
			server.Close()
		}
		g := frontedGateway(t, server.URL, func(c *config) { c.Upstream.Timeout = 100 * time.Millisecond })
		answer := send(t, g.data, fmt.Sprintf(basicRequest, "/t"))
		server.Close()
		status := answer[len("HTTP/1.1 "):][:3]
		if !slices.Contains([]string{"500", "502", "503", "504"}, status) || strings.Contains(answer, "invalid_client") {
			t.Errorf("the provider %s: got %s", name, answer)
		}
	}
}

func testMetadataOutage(t *testing.T) {
	provider := httptest.NewServer(legacy.New(legacy.Config{PublicURL: "https://login.example.com"}))
	g := startGateway(t, learning(t, provider.URL, func(c *config) { c.Metadata.TTL = time.Millisecond }))
	const get = "GET /.well-known/oauth-authorization-server%s HTTP/1.1\nHost: a"
	warm := send(t, g.data, fmt.Sprintf(get, ""))
	provider.Close()
	for range 20 {
		stale := send(t, g.data, fmt.Sprintf(get, ""))
		if !strings.HasPrefix(stale, "HTTP/1.1 200 ") || stale != warm {
			t.Fatalf("warm: got %s", stale)
		}
	}
	if cold := send(t, g.data, fmt.Sprintf(get, "/cold")); !strings.HasPrefix(cold, "HTTP/1.1 503 ") ||
		!strings.Contains(cold, "\nRetry-After: ") || !strings.Contains(cold, `"temporarily_unavailable"`) {
		t.Errorf("cold: got %s", cold)
	}
}
