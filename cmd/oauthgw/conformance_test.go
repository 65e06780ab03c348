package main

import (
	"crypto/tls"
	"crypto/x509"
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

	"oauthgw/internal/config"
	"oauthgw/internal/logging"
)

var printConformance = flag.Bool("conformance", false, "print the conformance table with the result of each row")

// tables have a row in each line.
var tables = []string{"testdata/conformance.txt", "testdata/abuse.txt", "testdata/responses.txt", "testdata/requests.txt", "testdata/discovery.txt", "testdata/clients.txt", "testdata/assertions.txt"}

// rowPattern matches the name of a row: rules of standards (R), abuse (A), discovery (D), repairs of
// responses (P) and of requests (Q), clients whose secret the gateway holds (H), and client
// assertions (CA).
const rowPattern = `(?:R|A|D|P|Q|H|CA)\d+`

// A row is proven by the exchange files that name it in their first line, as in
//
//	Rows: R01 A048
//
// and by tests whose names begin with their rows, as in TestA051LengthAndChunks, in any
// package.
var (
	rowsLine = regexp.MustCompile(`\ARows:((?: ` + rowPattern + `)+)\n`)
	rowTest  = regexp.MustCompile(`(?m)^func (Test((?:` + rowPattern + `)+)\w*)\(t \*testing\.T\)`)
	rowName  = regexp.MustCompile(rowPattern)
)

// TestConformance checks that each row of the tables has a proof. With -conformance it runs
// the exchange files of each row and prints the table.
func TestConformance(t *testing.T) {
	files, tests := exchangeFilesByRow(t), testsByRow(t)
	for _, line := range rows(t) {
		name, _, _ := strings.Cut(line, " ")
		passed := t.Run(name, func(t *testing.T) { runExchangeFiles(t, files[name], tests[name]) })
		if *printConformance {
			result := map[bool]string{true: "pass", false: "FAIL"}[passed]
			if passed && len(tests[name]) > 0 {
				result = "test" // proven by a test, at least in part
			}
			fmt.Printf("%s  %-87s %s\n", result, line, strings.Join(slices.Concat(files[name], tests[name]), " "))
		}
		delete(files, name)
		delete(tests, name)
	}
	for _, left := range []map[string][]string{files, tests} {
		for row, by := range left {
			t.Errorf("%v proves %s, which is in no table", by, row)
		}
	}
}

func rows(t *testing.T) (rows []string) {
	t.Helper()
	for _, name := range tables {
		rows = append(rows, strings.Split(strings.TrimSpace(textOf(t, name)), "\n")...)
	}
	return rows
}

func exchangeFilesByRow(t *testing.T) map[string][]string {
	t.Helper()
	names, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	for _, name := range names {
		if m := rowsLine.FindStringSubmatch(textOf(t, name)); m != nil {
			for _, row := range strings.Fields(m[1]) {
				files[row] = append(files[row], filepath.Base(name))
			}
		}
	}
	return files
}

// testsByRow reads the names of the tests that "go test ./..." runs.
func testsByRow(t *testing.T) map[string][]string {
	t.Helper()
	tests := map[string][]string{}
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			for _, m := range rowTest.FindAllStringSubmatch(textOf(t, filepath.Join(p.Dir, name)), -1) {
				for _, row := range rowName.FindAllString(m[2], -1) {
					tests[row] = append(tests[row], m[1])
				}
			}
		}
	}
	return tests
}

// runExchangeFiles runs the exchange files of a row. The tests run by themselves.
func runExchangeFiles(t *testing.T, files, tests []string) {
	if len(files)+len(tests) == 0 {
		t.Fatal("nothing proves this row")
	}
	if !*printConformance {
		return // TestExchanges runs them
	}
	for _, name := range files {
		readExchangeFile(t, filepath.Join("testdata/exchanges", name)).run(t)
	}
}

func textOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// gatewayWithoutRequests returns a gateway in front of a provider that must not get requests.
func gatewayWithoutRequests(t *testing.T, change ...func(*config.Config)) testGateway {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the provider got a request") }))
	t.Cleanup(provider.Close)
	return frontedGateway(t, provider.URL, change...)
}

// frontedGateway returns a gateway with a token endpoint at /t.
func frontedGateway(t *testing.T, upstream string, change ...func(*config.Config)) testGateway {
	t.Helper()
	change = append(change, func(c *config.Config) { c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a" })
	return startGateway(t, testSettings(t, upstream, change...))
}

func TestR15LongAuthorization(t *testing.T) {
	t.Parallel()
	long := strings.Replace(fmt.Sprintf(basicRequest, "/t"), "YXBw", strings.Repeat("YXBw", 2500), 1)
	if answer := send(t, gatewayWithoutRequests(t).data, long); !strings.HasPrefix(answer, "HTTP/1.1 400 ") || !strings.Contains(answer, "too long") {
		t.Errorf("got %s", answer)
	}
}

func TestR25ConflictUnderEveryConfiguration(t *testing.T) {
	both := strings.Replace(fmt.Sprintf(basicRequest, "/t"), "grant_type=x", "client_id=app&client_secret=another", 1)
	for _, decoding := range []string{"auto", "form", "raw"} {
		for _, conflict := range []string{"differing", "any"} {
			for _, challenge := range []string{"always", "basic"} {
				g := gatewayWithoutRequests(t, func(c *config.Config) {
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

// discardLog returns a logger without output.
func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestR48ProviderTLS checks that the provider's certificate must be trusted, and that a provider
// that asks for a certificate gets ours, whose expiry is in the metrics.
func TestR48ProviderTLS(t *testing.T) {
	ours := certificateFiles(t, filepath.Join(t.TempDir(), "ours"), time.Now().Add(time.Hour))
	pair, err := tls.LoadX509KeyPair(ours.CertFile, ours.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair.Leaf)
	var asked atomic.Int32
	provider := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, "{}")
	}))
	provider.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots}
	provider.Config.ErrorLog = logging.NewStandardLogger(discardLog())
	provider.StartTLS()
	defer provider.Close()
	for _, test := range []struct {
		ca      string
		own     config.CertificateConfig
		want    string
		arrived int32
		expiry  time.Time
	}{
		{"", ours, "HTTP/1.1 502 ", 0, pair.Leaf.NotAfter},
		{writeCertificate(t, provider), config.CertificateConfig{}, "HTTP/1.1 502 ", 0, time.Time{}},
		{writeCertificate(t, provider), ours, "HTTP/1.1 200 ", 1, pair.Leaf.NotAfter},
	} {
		g := frontedGateway(t, provider.URL, func(c *config.Config) {
			c.Upstream.CAFile, c.Upstream.CertFile, c.Upstream.KeyFile = test.ca, test.own.CertFile, test.own.KeyFile
		})
		if answer := send(t, g.data, fmt.Sprintf(basicRequest, "/t")); !strings.HasPrefix(answer, test.want) || asked.Load() != test.arrived {
			t.Errorf("%+v: got %s; %d requests arrived", test, answer, asked.Load())
		}
		g.expectExpiry(t, "upstream_client", test.expiry)
	}
}
