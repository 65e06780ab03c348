package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
	"oauthgw/internal/logging"
	"oauthgw/proxy"

	"go.opentelemetry.io/otel"
)

const observability = "docs/observability.md"

// documented returns the names in a column of the tables whose header has the name of the
// column, in the sections of a page from a heading to the next one of the same level.
func documented(t *testing.T, heading, column string) (names []string) {
	t.Helper()
	level, _, _ := strings.Cut(heading, " ")
	_, section, found := strings.Cut(textOf(t, "../../"+observability), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %s", observability, heading)
	}
	section, _, _ = strings.Cut(section, "\n"+level+" ")
	at := -1 // the index of the column in the current table
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		switch {
		case !strings.HasPrefix(line, "|"):
			at = -1
		case at < 0:
			at = slices.IndexFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) == column })
			if at < 0 {
				at = len(cells) // another table
			}
		case at < len(cells):
			for _, span := range codeSpan.FindAllStringSubmatch(cells[at], -1) {
				names = append(names, span[1])
			}
		}
	}
	return names
}

// expectNames compares sets of names.
func expectNames(t *testing.T, what string, documented, written []string) {
	t.Helper()
	slices.Sort(documented)
	slices.Sort(written)
	documented, written = slices.Compact(documented), slices.Compact(written)
	if len(written) == 0 || !slices.Equal(documented, written) {
		t.Errorf("%s: %s has\n%q, the program has\n%q", what, observability, documented, written)
	}
}

// logKeys returns the keys of the attributes in calls of slog and of loggers.
func logKeys(t *testing.T, source string) (keys []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		object, name := lastNames(call.Fun)
		first, step := len(call.Args), 2
		switch {
		case object == "slog" && slices.Contains([]string{"String", "Int", "Float64", "Bool", "Any", "Duration", "Time"}, name), name == "Milliseconds":
			first, step = 0, len(call.Args)
		case !strings.EqualFold(object, "log"):
		case slices.Contains([]string{"Debug", "Info", "Warn", "Error", "With"}, name):
			first = 1
		case strings.HasSuffix(name, "Context"):
			first = 2
		}
		for i := first; i < len(call.Args); i += step {
			if key, ok := call.Args[i].(*ast.BasicLit); ok && key.Kind == token.STRING {
				text, _ := strconv.Unquote(key.Value) // the parser has read it
				keys = append(keys, text)
			}
		}
		return true
	})
	return keys
}

// lastNames returns the last two names of a selector: log and Warn of s.config.log.Warn.
func lastNames(e ast.Expr) (object, name string) {
	switch e := e.(type) {
	case *ast.Ident:
		return "", e.Name
	case *ast.SelectorExpr:
		_, object = lastNames(e.X)
		return object, e.Sel.Name
	}
	return "", ""
}

// TestLogFieldsInDocs compares the documented fields of log lines with the source.
func TestLogFieldsInDocs(t *testing.T) {
	written := []string{"time", "level", "msg"}
	for name, source := range read(t, "clientauth/*.go", "proxy/*.go", "wellknown/*.go", "metrics/*.go", "cmd/oauthgw/*.go", "internal/*/*.go") {
		if !strings.HasPrefix(name, "internal/legacy") && !strings.HasPrefix(name, "internal/faultprovider") {
			written = append(written, logKeys(t, source)...)
		}
	}
	if slices.Contains(written, "source") {
		t.Error("source is slog's own key")
	}
	expectNames(t, "log", documented(t, "## Log", "field"), written)
}

// TestAuditFieldsInDocs compares the documented fields of the audit record with a record.
func TestAuditFieldsInDocs(t *testing.T) {
	var out syncBuffer
	format := logging.Format{}
	audit := format.NewAudit(&out, slog.New(slog.NewTextHandler(io.Discard, nil)), func() { t.Error("a record was dropped") })
	audit.SetFile("-")
	d := proxy.Decision{Endpoint: "token", Method: "none", Reading: "plain", Outcome: "accepted", Tolerated: "multiple_methods", Repairs: []string{"status"}, Status: 200, ClientID: "app", Client: "agents", Alias: "https://agent.example/client.json", Key: "k", Issuer: "https://idp.example", Subject: "s", ClientIP: "192.0.2.1"}
	audit.Record(logging.WithRequestID(t.Context(), "1"), time.Now(), d.Attrs())
	audit.Close()
	var record map[string]any
	if err := json.Unmarshal([]byte(out.String()), &record); err != nil {
		t.Fatal(err)
	}
	expectNames(t, "audit record", documented(t, "## Audit record", "field"), append(slices.Collect(maps.Keys(record)), "trace_id"))
}

// TestOutcomesInDocs compares the documented reasons and ends of requests with the source.
func TestOutcomesInDocs(t *testing.T) {
	list := func(source, pattern string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(source, -1) {
			found = append(found, m[1])
		}
		return found
	}
	reasons := list(readAll(t, "clientauth/error.go", "proxy/error.go", "internal/clients/error.go", "internal/assertion/error.go", "wellknown/handler.go"), `(?:newError\(|rejected\(|invalid[A-Z]\w+\(|unavailable\(|badGateway\(|Reason: )[^"]*"([a-z_]+)"`)
	expectNames(t, "reasons", documented(t, "### Outcomes", "reasons"), reasons)
	outcomes := list(textOf(t, "../../proxy/exchange.go"), `Outcome[A-Z]\w+ += "(\w+)"`)
	expectNames(t, "outcomes", documented(t, "### Outcomes", "outcome"), outcomes)
	ends := list(readAll(t, "internal/responserecorder/*.go", "internal/connlimit/listener.go"), `(?m)^\t(?:[A-Z]\w+ += |\treturn )"(\w+)"`)
	expectNames(t, "ends", documented(t, "### How a request ended", "end"), ends)
}

// TestAlertSections checks that the section of each alert says what it means, how to check, and
// what to do.
func TestAlertSections(t *testing.T) {
	parts := regexp.MustCompile(`(?m)^\*\*(\w+)\.\*\*`)
	sections := strings.Split(textOf(t, "../../docs/alerts.md"), "\n## ")
	for _, section := range sections[1:] {
		var found []string
		for _, m := range parts.FindAllStringSubmatch(section, -1) {
			found = append(found, m[1])
		}
		if !slices.Equal(found, []string{"Meaning", "Check", "Action"}) {
			t.Errorf("%.40q has the parts %q", section, found)
		}
	}
	if len(sections) < 2 {
		t.Error("no sections")
	}
}

// TestA137ReloadReachesEveryLogger checks that a reload of log.level and log.format reaches all
// loggers: those of the audit log, of tracing and of the writer of log lines.
func TestA137ReloadReachesEveryLogger(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	dir := t.TempDir()
	at := func(level, format string) config.Settings {
		return testSettings(t, "http://127.0.0.1:1", func(c *config.Config) {
			c.Log.Level, c.Log.Format = level, format
			c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
		})
	}
	var log syncBuffer
	first := at("error", "json")
	first.Audit.File = filepath.Join(dir, "missing", "audit.json")
	o, err := newTelemetry(t.Context(), first, io.Discard, &log)
	if err != nil {
		t.Fatal(err)
	}
	o.applySettings(first)
	complain := func(audit string) {
		otel.Handle(errors.New("a span was lost"))
		o.recordDecision(t.Context(), proxy.Decision{Endpoint: "token"})
		eventually(t, audit, func() bool { return strings.Contains(log.String(), audit) })
		log.mu.Lock() // the writer blocks, so lines are dropped
		for range 10000 {
			o.log.Error("a line")
		}
		log.mu.Unlock()
	}
	complain(`"msg":"audit log write failed"`)
	eventually(t, "a line behind all others", func() bool { // or the queue could still be full
		o.log.Error("the last line")
		return strings.Contains(log.String(), "the last line")
	})
	if text := log.String(); strings.Contains(text, "a span was lost") || strings.Contains(text, "lines dropped") {
		t.Errorf("at level error: %.2000s", text)
	}
	next := at("warn", "text")
	next.Audit.File = filepath.Join(dir, "audit.json")
	o.applySettings(next)
	before := len(log.String())
	complain(`msg="audit log write succeeded again, records are missing"`)
	for _, want := range []string{`msg="tracing failed" err="a span was lost"`, `msg="log lines dropped"`} {
		eventually(t, fmt.Sprintf("%s after the reload", want), func() bool { return strings.Contains(log.String()[before:], want) })
	}
	o.close()
}

// TestTraces checks that with a collector the log and an exemplar have the trace of each request,
// and that a trusted proxy's trace continues at the provider. Without a collector, a traceparent
// passes as it is. A client that is not trusted decides nothing.
func TestTraces(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	const parent = "00-" + id + "-b7ad6b7169203331-01"
	for name, test := range map[string]struct{ traced, trusted bool }{
		"traced": {true, true}, "not traced": {false, true}, "not trusted": {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var sent syncBuffer
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&sent, r.Body) }))
			defer collector.Close()
			provider := startScriptedProvider(t)
			provider.answer(okJSON + `{"access_token":"x"}`)
			if test.traced {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
			}
			config := "public_url: https://a\nendpoints: {token: /oauth2/tokens}\nclient_auth: {realm: example}\n"
			if test.trusted {
				config += "trusted_proxies: [127.0.0.1]\n"
			}
			p := startProgram(t, provider.url(), config)
			send(t, p.data, "POST /oauth2/tokens?state=canary HTTP/1.1\nHost: a\nAuthorization: Basic YXBwOmNhbmFyeQ==\nTraceparent: "+parent+
				"\nBaggage: user=canary\nContent-Type: application/x-www-form-urlencoded\n\ncode=canary")
			received := provider.received()
			continued, unchanged := strings.Contains(received, "\nTraceparent: 00-"+id), strings.Contains(received, "\nTraceparent: "+parent)
			if continued != test.trusted || unchanged == test.traced {
				t.Errorf("the provider received %s", received)
			}
			exposition := fetch(t, "http://"+p.admin+"/metrics", "application/openmetrics-text")
			p.stop()
			own := test.traced && test.trusted
			if exemplar := strings.Contains(exposition, `# {trace_id="`+id+`"}`); exemplar != own {
				t.Errorf("an exemplar: %v", exemplar)
			}
			if logged := strings.Contains(p.log.String(), `"trace_id":"`+id+`"`); logged != own {
				t.Errorf("in the log: %v\n%s", logged, p.log.String())
			}
			for _, word := range []string{"POST token", "oauthgw.outcome", "accepted", "client_secret_basic", "server.address", "service.version"} {
				if strings.Contains(sent.String(), word) != test.traced {
					t.Errorf("%s was sent: %v", word, !test.traced)
				}
			}
			if strings.Contains(sent.String()+p.log.String()+exposition, "canary") {
				t.Error("a secret was exported")
			}
		})
	}
}
