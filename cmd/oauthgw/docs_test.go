package main

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oauthgw/internal/config"

	"gopkg.in/yaml.v3"
)

var (
	codeBlock  = regexp.MustCompile("(?ms)^( *)```.*?^ *```$")
	yamlBlock  = regexp.MustCompile("(?ms)^```yaml\n((\\w+):.*?)^```$")
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notAnchor  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	dottedKey  = regexp.MustCompile(`^(([a-z_]+)(?:\.[a-z_]+)+)(?::.*)?$`)
	evidence   = regexp.MustCompile(`^(?:Test|Fuzz)[A-Z]\w+$|^[\w./-]+(?:\.txt|\.bad\.yaml|_test\.go|\.mjs)$`)
	metricRow  = regexp.MustCompile("(?m)^\\| `(oauthgw_\\w+)` \\| ([a-z_, ]*)\\| ")
	selector   = regexp.MustCompile(`\b((?:job:)?oauthgw_[a-z_]+[a-z](?::\w+)?)(?:\{([^}]*)\})?`)
	matcher    = regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"([^"]*)"`)
	grouping   = regexp.MustCompile(`\b(?:by|on) \(([a-z_, ]*)\)[a-z0-9_\s().,]*?` + selector.String())
	labelValue = regexp.MustCompile(`[a-z_]{3,}`)
	refusal    = regexp.MustCompile(`(?:Error\{|[rR]efuse\(w, |invalid[A-Z]\w+\(|unavailable\(|badGateway\(|newError\()[^{}]*?"([A-Z][^"]*\.)"`)
	commandLn  = regexp.MustCompile(`(?m)^(?:\$ |bin/)?oauthgw(?: ([a-z]+))?( .*)?$`)
	notText    = regexp.MustCompile(`^(?:oauthgw|curl|codex|make|ss|proxy_pass) |^[^A-Za-z]|^[\w.-]+: |^\S*$`)
)

// foreignTexts are texts of browsers, clients and the system in pages.
var foreignTexts = []string{
	"No 'Access-Control-Allow-Origin' header is present", "did not match the issuer URL returned by provider", "Registration failed",
	"Dynamic client registration not supported", "Successfully logged in.", "Added global MCP server", `invalid type: string "3600", expected u64`, "i/o timeout", "no such host", "connect: permission denied", "permission denied",
	`"response" body "token_type" property must be a string`, `"response" body "scope" property must be a string`, "oauth2: server response missing access_token",
	"maxmemory-policy noeviction", "maxmemory 256mb", "x509: certificate signed by unknown authority", "certificate has expired or is not yet valid", "certificate is valid for … not …",
}

// read returns the files of the repository that match the patterns, by path. Tests match
// only a pattern for tests.
func read(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range patterns {
		names, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("no file matches %s: %v", pattern, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") == strings.HasSuffix(pattern, "_test.go") {
				files[strings.TrimPrefix(name, "../../")] = textOf(t, name)
			}
		}
	}
	return files
}

func readAll(t *testing.T, patterns ...string) string {
	t.Helper()
	return strings.Join(slices.Collect(maps.Values(read(t, patterns...))), "\n")
}

// pages returns all Markdown files, by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS("../.."), ".", func(name string, d fs.DirEntry, err error) error {
		switch hidden := len(name) > 1 && strings.HasPrefix(d.Name(), "."); {
		case d.IsDir() && (hidden || d.Name() == "node_modules" || d.Name() == "dist"):
			return fs.SkipDir
		case filepath.Ext(name) == ".md":
			found[name] = textOf(t, "../../"+name)
		}
		return err
	})
	if err != nil || found["README.md"] == "" {
		t.Fatal("no pages:", err)
	}
	return found
}

// spans returns the inline code of a page, each on one line.
func spans(page string) (found []string) {
	for _, m := range codeSpan.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		found = append(found, strings.Join(strings.Fields(m[1]), " "))
	}
	return found
}

func TestLinksInDocs(t *testing.T) {
	all := pages(t)
	for name, page := range all {
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := name
			if target != "" {
				file = filepath.Join(filepath.Dir(name), target)
			}
			anchors := []string{""}
			for _, h := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(all[file], ""), -1) {
				anchors = append(anchors, strings.ReplaceAll(strings.ToLower(notAnchor.ReplaceAllString(h[1], "")), " ", "-"))
			}
			if _, err := os.Stat(filepath.Join("../..", file)); err != nil || !slices.Contains(anchors, fragment) {
				t.Errorf("%s: the target of the link %s does not exist", name, m[1])
			}
		}
	}
}

// TestREADME checks that the README is short.
func TestREADME(t *testing.T) {
	const most = 160
	if lines := strings.Count(textOf(t, "../../README.md"), "\n"); lines > most {
		t.Errorf("README.md has %d lines, more than %d: move something to docs/", lines, most)
	}
}

// TestPackagesInDocs checks that docs/architecture.md lists every package.
func TestPackagesInDocs(t *testing.T) {
	listed := spans(textOf(t, "../../docs/architecture.md"))
	for name := range allowedImports {
		if !slices.Contains(listed, name) {
			t.Errorf("docs/architecture.md does not list %s", name)
		}
	}
}

// TestCommandsInDocs checks that the commands and flags in code blocks exist, and the pages
// that make writes. TestCommandLinePage runs the commands of docs/cli.md.
func TestCommandsInDocs(t *testing.T) {
	all := pages(t)
	for name, page := range all {
		if name == "docs/cli.md" {
			continue
		}
		for _, block := range codeBlock.FindAllString(page, -1) {
			for _, m := range commandLn.FindAllStringSubmatch(block, -1) {
				usage, _, err := invoke(t, "help", cmp.Or(m[1], "serve"))
				for _, flag := range flagOfPage.FindAllString(m[2], -1) {
					if flag != "--help" && !strings.Contains(usage, "\n  "+flag) {
						t.Errorf("%s: %s has no flag %s", name, m[0], flag)
					}
				}
				if err != nil {
					t.Errorf("%s: %s: %v", name, m[0], err)
				}
			}
		}
	}
	for _, m := range regexp.MustCompile(`-output (\S+)`).FindAllStringSubmatch(textOf(t, "../../Makefile"), -1) {
		if all[m[1]] == "" {
			t.Errorf("Makefile writes %s, which is not a page", m[1])
		}
	}
}

// decodeStrictly reads a configuration whose keys all have to exist.
func decodeStrictly(text string) error {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	return decoder.Decode(new(config.Config))
}

// configWith returns a configuration of one key.
func configWith(key, value string) string {
	for _, word := range slices.Backward(strings.Split(key, ".")) {
		value = "{" + strconv.Quote(word) + ": " + value + "}"
	}
	return value
}

// TestNamesInDocs looks for the keys, tests and test files that pages name, and reads the
// configurations that they show.
func TestNamesInDocs(t *testing.T) {
	tests := readAll(t, "*/*_test.go", "*/*/*_test.go", "*/*/*/*_test.go")
	isKey := func(name string) bool { return decodeStrictly(configWith(name, "null")) == nil }
	exists := func(name string) bool {
		found := strings.Contains(tests, "\nfunc "+name+"(")
		for _, place := range []string{"testdata/*/", "../../internal/*/testdata/", "../../", "../../*/*/"} {
			files, _ := filepath.Glob(place + name)
			found = found || len(files) > 0
		}
		return found
	}
	for name, page := range pages(t) {
		for _, span := range spans(page) {
			if m := dottedKey.FindStringSubmatch(span); m != nil && isKey(m[2]) && !isKey(m[1]) {
				t.Errorf("%s: there is no key %s", name, m[1])
			}
			if evidence.MatchString(span) && !exists(span) {
				t.Errorf("%s: there is no %s", name, span)
			}
		}
		for _, m := range yamlBlock.FindAllStringSubmatch(page, -1) {
			if err := decodeStrictly(m[1]); isKey(m[2]) && err != nil {
				t.Errorf("%s shows\n%s%v", name, m[1], err)
			}
		}
	}
}

// TestMetricsInDocs looks for the metrics and labels that pages, rules and the dashboard name
// in the table of metrics, and for label values in the code. A test in metrics checks the table.
func TestMetricsInDocs(t *testing.T) {
	const dashboard = "deploy/grafana/dashboard.json"
	labels := map[string][]string{}
	for _, m := range metricRow.FindAllStringSubmatch(textOf(t, "../../"+observability), -1) {
		labels[m[1]] = append(labelValue.FindAllString(m[2], -1), "", "job", "instance", "le")
		if !strings.Contains(textOf(t, "../../"+dashboard), m[1]) {
			t.Errorf("the dashboard does not show %s", m[1])
		}
	}
	check := func(query, metric, label string) {
		if labels[metric] == nil { // perhaps a series of a histogram
			metric = metric[:strings.LastIndex(metric, "_")]
		}
		if !strings.HasPrefix(metric, "job:") && !slices.Contains(labels[metric], label) {
			t.Errorf("%s: %s has no metric %s{%s}", query, observability, metric, label)
		}
	}
	code := readAll(t, "clientauth/*.go", "proxy/*.go", "wellknown/*.go", "metrics/*.go", "cmd/*/*.go", "internal/*/*.go")
	queries := strings.Join(slices.Collect(maps.Values(pages(t))), "\n") + readAll(t, "deploy/prometheus/*.yaml", dashboard)
	queries = strings.ReplaceAll(queries, `\"`, `"`)
	for _, s := range selector.FindAllStringSubmatch(queries, -1) {
		check(s[0], s[1], "")
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			check(s[0], s[1], m[1])
			for _, value := range labelValue.FindAllString(m[2], -1) {
				isTarget := m[1] == "job" || m[1] == "instance"
				if !isTarget && !strings.Contains(code, `"`+value+`"`) {
					t.Errorf("%s: the program does not set %s to %q", s[0], m[1], value)
				}
			}
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(queries, -1) {
		for _, label := range labelValue.FindAllString(g[1], -1) {
			check(g[0], g[2], label)
		}
	}
}

// TestAlertsInDocs checks that each alert has a section in docs/alerts.md, a link to it, a
// test in which it fires, and one in which it does not, all in the same order.
func TestAlertsInDocs(t *testing.T) {
	const rules, tests = "deploy/prometheus/rules.yaml", "deploy/prometheus/rules_test.yaml"
	list := func(file, pattern string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(textOf(t, "../../"+file), -1) {
			found = append(found, strings.ToLower(m[1]))
		}
		return slices.Compact(found)
	}
	alerts := list(rules, `- alert: (\w+)`)
	for _, source := range [][2]string{
		{"docs/alerts.md", `(?m)^## (\w+)$`},
		{rules, `runbook_url: https://docs\.example\.com/oauthgw/alerts\.md#(\w+)`},
		{tests, `labels: 'ALERTS\{alertname="(\w+)"`},
		{tests, `ALERTS\{alertname="(\w+)",alertstate="firing"\}\n.*\n +exp_samples: \[\]`},
	} {
		if got := list(source[0], source[1]); len(alerts) == 0 || !slices.Equal(got, alerts) {
			t.Errorf("%s: %s lists\n%q, the alerts are\n%q", source[0], source[1], got, alerts)
		}
	}
}

// TestDependenciesInDocs checks that docs/architecture.md says why each module is needed.
func TestDependenciesInDocs(t *testing.T) {
	page := textOf(t, "../../docs/architecture.md")
	required := regexp.MustCompile(`(?m)^\t([^ ]+?)(?:/v\d+)? v[^ ]+$`).FindAllStringSubmatch(textOf(t, "../../go.mod"), -1)
	for _, m := range required {
		name := "[" + path.Base(m[1]) + "]"
		if strings.HasPrefix(m[1], "go.opentelemetry.io/") {
			name = "[OpenTelemetry]"
		}
		if !strings.Contains(page, name) && !strings.Contains(page, "/"+m[1]) {
			t.Errorf("docs/architecture.md does not say why %s is needed", m[1])
		}
	}
	if len(required) == 0 {
		t.Error("go.mod requires nothing")
	}
}

// quoting are the pages that quote messages.
var quoting = []string{"troubleshooting", "behavior", "getting-started", "issuer", "operations", "rollout", "security", "agents", "secretless", "scaling"}

// TestQuotesInDocs checks that docs/troubleshooting.md explains each error response of the
// gateway, and that the messages that pages quote exist.
func TestQuotesInDocs(t *testing.T) {
	all := pages(t)
	explained := spans(all["docs/troubleshooting.md"])
	for _, m := range refusal.FindAllStringSubmatch(readAll(t, "clientauth/*.go", "proxy/*.go", "wellknown/*.go", "internal/clients/*.go", "internal/assertion/*.go"), -1) {
		if !slices.Contains(explained, m[1]) {
			t.Errorf("docs/troubleshooting.md does not explain %q", m[1])
		}
	}
	code := strings.ReplaceAll(readAll(t, "*/*.go", "*/*/*.go", "*/*/*_test.go", "e2e/*/*.mjs"), `\`, "")
	for _, name := range quoting {
		for _, span := range spans(all["docs/"+name+".md"]) {
			for piece := range strings.SplitSeq(span, "…") {
				if !notText.MatchString(span) && !slices.Contains(foreignTexts, span) && !strings.Contains(code, strings.TrimSpace(piece)) {
					t.Errorf("docs/%s.md quotes %q, which no program prints", name, span)
				}
			}
		}
	}
}
