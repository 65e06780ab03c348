package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// rulesFile is as much of a file of Prometheus's rules as the tests look at.
type rulesFile struct {
	Groups []struct {
		Rules []rule
	}
}

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

// readRules returns the rules that are delivered, in their order.
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
	testedAlert  = regexp.MustCompile(`ALERTS\{alertname="(\w+)"`)
)

// found returns what the first group of an expression matches in a file, each
// once, in order.
func found(t *testing.T, file string, e *regexp.Regexp) (out []string) {
	t.Helper()
	for _, m := range e.FindAllStringSubmatch(string(read(t, file)), -1) {
		if !slices.Contains(out, m[1]) {
			out = append(out, m[1])
		}
	}
	return out
}

// Whoever is woken by an alert finds what to do, and no section waits for an
// alert that is gone.
func TestEachAlertHasItsSectionAndTests(t *testing.T) {
	var alerts []string
	for _, r := range readRules(t) {
		if r.Alert != "" {
			alerts = append(alerts, r.Alert)
		}
	}
	for file, e := range map[string]*regexp.Regexp{
		"../../docs/alerts.md":                    sectionTitle,
		"../../deploy/prometheus/rules_test.yaml": testedAlert,
	} {
		if got := found(t, file, e); !slices.Equal(got, alerts) {
			t.Errorf("%s has\n%s\nand the alerts are\n%s", file, got, alerts)
		}
	}
}

// An alert says how bad it is, what is happening, what to do, and where more
// is written.
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
