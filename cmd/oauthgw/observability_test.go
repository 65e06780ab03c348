package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/logging"
	"oauthgw/proxy"
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
