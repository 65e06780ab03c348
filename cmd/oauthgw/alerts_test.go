package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// rulesFile is the part of a Prometheus rule file that the tests look at.
type rulesFile struct {
	Groups []struct {
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

// readRules returns the rules of deploy/prometheus/rules.yaml in order.
func readRules(t *testing.T) (rules []rule) {
	t.Helper()
	var file rulesFile
	if err := yaml.Unmarshal(read(t, "../../deploy/prometheus/rules.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	if len(rules) == 0 {
		t.Fatal("there are no rules")
	}
	return rules
}

// rulesTests is the part of a promtool test file that the tests look at.
type rulesTests struct {
	Tests []struct {
		InputSeries []struct{ Series string } `yaml:"input_series"`
		ExprTests   []struct {
			Expr    string
			Samples []struct{ Labels string } `yaml:"exp_samples"`
		} `yaml:"promql_expr_test"`
	}
}

func readRulesTests(t *testing.T) (file rulesTests) {
	t.Helper()
	if err := yaml.Unmarshal(read(t, "../../deploy/prometheus/rules_test.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	sectionTitle = regexp.MustCompile(`(?m)^## (\w+)$`)
	usedLabel    = regexp.MustCompile(`\$labels\.(\w+)`)
)

// docs/alerts.md has a section for each alert, in the same order.
func TestAlertsAreDocumented(t *testing.T) {
	var alerts, sections []string
	for _, r := range readRules(t) {
		if r.Alert != "" {
			alerts = append(alerts, r.Alert)
		}
	}
	for _, m := range sectionTitle.FindAllStringSubmatch(string(read(t, "../../docs/alerts.md")), -1) {
		sections = append(sections, m[1])
	}
	if !slices.Equal(sections, alerts) {
		t.Errorf("the sections are\n%s\nand the alerts are\n%s", sections, alerts)
	}
}

// Each alert has a promtool test that expects it to fire and one that expects it
// not to. Fired alerts have the labels that the annotations use.
func TestAlertsAreTested(t *testing.T) {
	file := readRulesTests(t)
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		var fired []string
		silent := false
		for _, test := range file.Tests {
			for _, e := range test.ExprTests {
				if e.Expr != `ALERTS{alertname="`+r.Alert+`",alertstate="firing"}` {
					continue
				}
				silent = silent || len(e.Samples) == 0
				for _, sample := range e.Samples {
					fired = append(fired, sample.Labels)
				}
			}
		}
		if len(fired) == 0 || !silent {
			t.Errorf("%s: there is a test that expects it to fire: %t, and not to: %t", r.Alert, len(fired) > 0, silent)
		}
		for _, m := range usedLabel.FindAllStringSubmatch(r.Annotations["summary"]+r.Annotations["description"], -1) {
			for _, labels := range fired {
				if !strings.Contains(labels, ","+m[1]+`="`) {
					t.Errorf("%s: an annotation uses the label %s, which %s lacks", r.Alert, m[1], labels)
				}
			}
		}
	}
}

// Each alert has a severity, a summary, a description and a link to its section.
func TestAlertsAreComplete(t *testing.T) {
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
		}
		if want := "docs/alerts.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s points to %q and not to %s", r.Alert, r.Annotations["runbook_url"], want)
		}
		for _, name := range []string{"summary", "description"} {
			if r.Annotations[name] == "" {
				t.Errorf("%s has no %s", r.Alert, name)
			}
		}
	}
}
