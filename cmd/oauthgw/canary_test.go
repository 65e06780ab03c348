package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/faultprovider"
	"oauthgw/internal/logging"
)

// encodings are ways in which a program may write a text, apart from base64.
var encodings = []func(string) string{
	func(s string) string { return s },
	url.QueryEscape,
	func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") },
	url.PathEscape,
	func(s string) string { return hex.EncodeToString([]byte(s)) },
	html.EscapeString,
	func(s string) string { return inJSON(s, false) },
	func(s string) string { return inJSON(s, true) },
	func(s string) string { return strings.Trim(strconv.Quote(s), `"`) },
	func(s string) string { return strings.Trim(strconv.QuoteToASCII(s), `"`) },
}

func inJSON(s string, forHTML bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(forHTML)
	_ = e.Encode(s) // a string can be encoded
	return strings.Trim(b.String(), "\"\n")
}

// containsSecret reports whether a text holds a secret, in any encoding and case.
func containsSecret(text, secret string) bool {
	lower := strings.ToLower(text)
	for _, encode := range encodings {
		if strings.Contains(lower, strings.ToLower(encode(secret))) {
			return true
		}
	}
	// Bytes in front of the secret shift its base64, and bytes after it change the end.
	for shift := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			b := append(make([]byte, shift), secret...)
			if strings.Contains(text, encoding.EncodeToString(b[:len(b)/3*3])[(shift+2)/3*4:]) {
				return true
			}
		}
	}
	return false
}

// expectNoSecrets fails the test where a secret is in the output of one of the places.
func expectNoSecrets(t *testing.T, name string, output map[string]string, secrets []string) {
	t.Helper()
	for place, text := range output {
		for _, secret := range secrets {
			if containsSecret(text, secret) {
				t.Errorf("%s: %q is in the %s:\n%s", name, secret, place, strings.ToValidUTF8(text, "?"))
			}
		}
	}
}

// TestA096SecretsOfExchangesAreNowhere checks that the secrets in an exchange file are only
// in the messages of client and provider: not in the log at its most verbose level, the
// audit log, the metrics, the status page, the traces, or a response of the gateway's own.
func TestA096SecretsOfExchangesAreNowhere(t *testing.T) {
	names, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no exchange files: %v", err)
	}
	secrets, canaries := 0, 0
	for i, name := range names {
		s := readExchangeFile(t, name)
		secrets += len(s.secrets())
		formats := logFormats[i%2:][:1]
		if slices.Contains(s.secrets(), exchangeCanary) {
			formats, canaries = logFormats, canaries+1
		}
		for _, format := range formats {
			expectNoSecrets(t, filepath.Base(name)+" "+format, s.runWatched(t, format), s.secrets())
		}
	}
	if secrets < len(names) || canaries == 0 {
		t.Errorf("%d secrets in %d files, %d of them with canaries", secrets, len(names), canaries)
	}
}

var logFormats = []string{"json", "text"}

// adminOutput returns the responses of the admin listener once everything is counted, also
// to requests with secrets.
func (g testGateway) adminOutput(t *testing.T) map[string]string {
	t.Helper()
	output := map[string]string{"metrics": g.settledMetrics(t)}
	output["exemplars"] = fetch(t, "http://"+g.admin+"/metrics", "application/openmetrics-text")
	output["status page"] = fetch(t, "http://"+g.admin+"/", "")
	for _, path := range []string{"/-/healthy", "/-/ready", "/debug/pprof/", "/" + exchangeCanary, "/?" + exchangeCanary} {
		output[path] = send(t, g.admin, "GET "+path+" HTTP/1.1\nHost: localhost\nAuthorization: Bearer "+exchangeCanary)
	}
	return output
}

// runWatched runs the exchanges of a file and returns all output of the gateway, by place.
func (s *exchangeFile) runWatched(t *testing.T, logFormat string) map[string]string {
	t.Helper()
	provider := startScriptedProvider(t)
	g, stop := startWatched(t, provider.url(), logFormat, s.config)
	var own strings.Builder
	for _, x := range s.exchanges {
		provider.answer(x.upstreamResponse)
		answer := send(t, g.data, s.signed.sign(t, x.request))
		isOwn := strings.Contains(answer, "X-Content-Type-Options: nosniff")
		if provider.received() == "" || x.upstreamResponse == "" || isOwn {
			own.WriteString(answer)
		}
	}
	output := stop()
	output["own responses"] = own.String()
	return output
}

// startWatched runs a gateway as the program does, with audit log and traces. Stop ends it
// and returns all its output, by place.
func startWatched(t *testing.T, upstream, logFormat, section string) (g testGateway, stop func() map[string]string) {
	t.Helper()
	settings := fileSettings(t, upstream, sharedConfig, section, "log: {level: debug, format: "+logFormat+"}\naudit: {file: '-'}\n")
	var traces, audit, lines syncBuffer
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&traces, r.Body) }))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	reports, err := newTelemetry(t.Context(), settings, &audit, &lines)
	if err != nil {
		t.Fatal(err)
	}
	before := log.Writer()
	logging.RedirectStandardLogger(reports.log)
	g = startWith(t, settings, reports, &lines, nil)
	return g, func() map[string]string {
		output := g.adminOutput(t)
		g.stop()
		log.SetOutput(before)
		reports.close()
		output["log"], output["audit"], output["traces"] = lines.String(), audit.String(), traces.String()
		if !strings.Contains(output["traces"], "http.request.method") {
			t.Errorf("of traces: %d bytes", len(output["traces"]))
		}
		return output
	}
}

// TestA096NamesAreWhereTheyBelong checks that client ids, request ids and paths are only
// where operators look for them.
func TestA096NamesAreWhereTheyBelong(t *testing.T) {
	const form = " HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n"
	for name, test := range map[string]struct {
		request, config string
		places          []string
	}{
		"client id":              {"POST /oauth2/tokens" + form + "\nclient_secret=x&client_id=" + exchangeCanary, "", []string{"audit", "log"}},
		"request id":             {"POST /oauth2/tokens" + form + "X-Request-Id: " + exchangeCanary + "\n\nclient_id=a&a=1&a=2", "trusted_proxies: [127.0.0.1]", []string{"/?" + exchangeCanary, "audit", "log", "own responses", "status page"}},
		"request id of a client": {"POST /oauth2/tokens" + form + "X-Request-Id: " + exchangeCanary + "\n\nclient_id=a&a=1&a=2", "", nil},
		"subject of a workload":  {"POST /oauth2/tokens" + form + "\n" + strings.Replace(workloadForm, "system:serviceaccount:pay:api", exchangeCanary, 1), "clients: {pay: {secret_file: testdata/secrets/pay, assertions: [" + strings.Replace(workloadEntry, "system:serviceaccount:pay:api", exchangeCanary, 1) + "]}}", []string{"audit", "log"}},
		"path":                   {"GET /" + exchangeCanary + "?" + exchangeCanary + " HTTP/1.1\nHost: a", "", []string{"log"}},
	} {
		s := &exchangeFile{config: test.config, signed: placeholders{}, exchanges: []*exchange{{request: test.request, upstreamResponse: "HTTP/1.1 401 x\nContent-Type: application/json\n\n{\"error\":\"invalid_client\"}"}}}
		var places []string
		for place, text := range s.runWatched(t, "json") {
			if strings.Contains(text, exchangeCanary) {
				places = append(places, place)
			}
		}
		slices.Sort(places)
		if !slices.Equal(places, test.places) {
			t.Errorf("%s: is in %v, want %v", name, places, test.places)
		}
	}
}

// faultSecrets are what no output may hold of exchanges with a provider that misbehaves:
// the client's secret and codes, tokens, and bytes of the provider that are not HTTP.
var faultSecrets = []string{canary, exchangeCanary, faultprovider.TokenPrefix, "goroutine 17", "SSH-2.0", "Debian"}

// TestA096SecretsUnderFaultsAreNowhere checks the same for every fault of a
// provider.
func TestA096SecretsUnderFaultsAreNowhere(t *testing.T) {
	for _, format := range logFormats {
		var met sync.Map // names of faults
		p := startFaultyProvider(t, func(c *faultprovider.Config) {
			c.Interval, c.MaxDuration = 5*time.Millisecond, 50*time.Millisecond
			c.Observe = func(a faultprovider.Observation) { met.Store(a.Fault, true) }
		})
		g, stop := startWatched(t, p.url, format, "")
		c := &strictClient{test: t, address: g.data}
		var own strings.Builder
		for _, m := range faultprovider.Faults() {
			own.WriteString(p.trigger(t, c, m))
			if _, was := met.Load(m.Name); !was {
				t.Errorf("%s: %s was not met", format, m.Name)
			}
		}
		// As net/http does for bytes that it did not ask for, if they arrive in time.
		log.Printf("Unsolicited response received on idle HTTP channel starting with %q", exchangeCanary)
		output := stop()
		output["own responses"] = own.String()
		expectNoSecrets(t, format, output, faultSecrets)
		for _, proof := range [][2]string{{"audit", "failed"}, {"metrics", `reason="broken_reply"`}, {"own responses", "server_error"}, {"log", "broken_reply"}, {"log", "Unsolicited response"}} {
			if !strings.Contains(output[proof[0]], proof[1]) {
				t.Errorf("%s: %s is not in the %s:\n%s", format, proof[1], proof[0], output[proof[0]])
			}
		}
	}
}

// trigger lets a client meet a fault and returns the response if it is the gateway's own.
func (p *faultyProvider) trigger(t *testing.T, c *strictClient, m faultprovider.Fault) (own string) {
	t.Helper()
	code := exchangeCanary + "-" + m.Name
	if m.Trigger == faultprovider.OnPost {
		return c.redeem(t, code, m.Name).ownText()
	}
	// The gateway does not reuse its connection after this, so the next one is new.
	c.redeem(t, code+"-before", "truncated")
	p.setRates(t, faultprovider.Rates{m.Name: 100})
	defer p.setRates(t, nil)
	if m.Trigger == faultprovider.OnConnect {
		return c.redeem(t, code, "").ownText()
	}
	// A location that no client has asked for is not cached.
	return c.send(t, "GET /.well-known/oauth-authorization-server/"+m.Name+"?"+code+" HTTP/1.1\r\nHost: login.example.com\r\n"+
		"Authorization: Bearer "+exchangeCanary+"\r\nCookie: "+exchangeCanary+"\r\n\r\n").ownText()
}

// ownText returns a response if it is the gateway's own.
func (a clientResponse) ownText() string {
	own := a.StatusCode == http.StatusServiceUnavailable || a.StatusCode == http.StatusNotFound || a.Header.Get("X-Content-Type-Options") != ""
	if !own {
		return ""
	}
	var b strings.Builder
	_ = a.Header.Write(&b) // a builder takes everything
	return b.String() + a.text
}
