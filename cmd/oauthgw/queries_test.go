package main

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// queries returns every query of the rules and the dashboard by its place.
func queries(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range readRules(t) {
		out[r.Record+r.Alert] = r.Expr
	}
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			out[p.Title+" "+target.RefID] = target.Expr
		}
	}
	return out
}

type dashboard struct {
	Panels []struct {
		ID                       int
		Type, Title, Description string
		Datasource               struct{ UID string }
		FieldConfig              struct{ Defaults struct{ Unit string } }
		Targets                  []struct {
			RefID, Expr string
			Datasource  struct{ UID string }
		}
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal(read(t, "../../deploy/grafana/dashboard.json"), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	selector = regexp.MustCompile(`((?:job:)?(?:oauthgw|process|go)_\w+(?::\w+)?)(?:\{([^}]*)\})?`)
	matcher  = regexp.MustCompile(`(\w+)(=~|!~|!=|=)"([^"]*)"`)
	grouping = regexp.MustCompile(`(?:by|on|group_left) \(([^)]*)\)`)
)

// ofTargets are labels that Prometheus adds, and those of a histogram's buckets.
var ofTargets = []string{"job", "instance", "le"}

// No query names a metric, a label or a value that no gateway exposes.
func TestQueriesAreOfWhatIsExposed(t *testing.T) {
	exposed, recorded := afterBadDays(t), map[string]string{}
	for _, r := range readRules(t) {
		if r.Record != "" {
			recorded[r.Record] = selector.FindStringSubmatch(r.Expr)[1]
		}
	}
	labels := map[string]bool{}
	for _, series := range exposed {
		for _, l := range series {
			for name := range l {
				labels[name] = true
			}
		}
	}
	for place, query := range queries(t) {
		found := selector.FindAllStringSubmatch(query, -1)
		if len(found) == 0 && !strings.Contains(query, "up{") {
			t.Errorf("%s asks for no metric: %s", place, query)
		}
		for _, s := range found {
			name := s[1]
			if base, ok := recorded[name]; ok {
				name = base
			}
			if len(exposed[name]) == 0 {
				t.Errorf("%s: %s is not exposed", place, s[1])
			}
			for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
				for _, value := range strings.Split(m[3], "|") {
					if !slices.Contains(ofTargets, m[1]) && !exposed.has(name, m[1], value) {
						t.Errorf("%s: %s has no %s=%q", place, name, m[1], value)
					}
				}
			}
		}
		for _, g := range grouping.FindAllStringSubmatch(query, -1) {
			for name := range strings.SplitSeq(g[1], ", ") {
				if name != "" && !labels[name] && !slices.Contains(ofTargets, name) {
					t.Errorf("%s groups by %s, which nothing has", place, name)
				}
			}
		}
	}
}

// The promtool tests of the rules assume series that a gateway exposes: an alert
// that joins or groups by a label no series has would not fire in them.
func TestRulesAreTestedOnWhatIsExposed(t *testing.T) {
	exposed := afterBadDays(t)
	for _, test := range readRulesTests(t).Tests {
		for _, input := range test.InputSeries {
			name, _, _ := strings.Cut(input.Series, "{")
			labels := map[string]string{}
			for _, pair := range labelPair.FindAllStringSubmatch(input.Series, -1) {
				labels[pair[1]] = pair[2]
			}
			delete(labels, "job")
			delete(labels, "instance")
			if name != "up" && !slices.ContainsFunc(exposed[name], func(e map[string]string) bool {
				return slices.Equal(slices.Sorted(maps.Keys(e)), slices.Sorted(maps.Keys(labels)))
			}) {
				t.Errorf("no gateway exposes a series with the labels of %s", input.Series)
			}
		}
	}
}

// Every metric of the gateway's own is on the dashboard.
func TestDashboardShowsEveryMetric(t *testing.T) {
	text := string(read(t, "../../deploy/grafana/dashboard.json"))
	for _, name := range slices.Sorted(maps.Keys(afterBadDays(t))) {
		if base := strings.TrimSuffix(strings.TrimSuffix(name, "_sum"), "_count"); strings.HasPrefix(base, "oauthgw_") && !strings.Contains(text, base) {
			t.Errorf("%s is not on it", name)
		}
	}
}

// A panel says what it shows, in which unit, and of the chosen data source and
// gateways only.
func TestDashboardPanels(t *testing.T) {
	seen := map[int]bool{}
	for _, p := range readDashboard(t).Panels {
		if seen[p.ID] {
			t.Errorf("%s has the id of another panel", p.Title)
		}
		seen[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("%q lacks a title, a description, a unit, a query or the data source", p.Title)
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%s asks %q", p.Title, target.Datasource.UID)
			}
			for _, s := range selector.FindAllStringSubmatch(target.Expr, -1) {
				if !strings.HasPrefix(s[2], `job=~"$job",instance=~"$instance"`) {
					t.Errorf("%s asks for %s of all gateways", p.Title, s[1])
				}
			}
		}
	}
}
