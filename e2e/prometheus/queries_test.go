package prometheus_test

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// variables are what Grafana puts into the dashboard's queries.
var variables = strings.NewReplacer("$__rate_interval", "1m", "$job", ".+", "$instance", ".+")

// panelQueries returns the queries of the dashboard, by panel.
func panelQueries(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ RefID, Expr string }
		}
		Annotations struct{ List []struct{ Name, Expr string } }
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			out[p.Title+" "+target.RefID] = variables.Replace(target.Expr)
		}
	}
	for _, a := range board.Annotations.List {
		out[a.Name] = variables.Replace(a.Expr)
	}
	if len(out) < 20 {
		t.Fatalf("only %d queries", len(out))
	}
	return out
}

// Every query of the dashboard is answered, and with something: everything has
// happened by now.
func testDashboard(t *testing.T, s server) {
	for panel, query := range panelQueries(t) {
		if got := s.query(t, query); len(got.Result) == 0 {
			t.Errorf("%s shows nothing: %s", panel, query)
		}
	}
}

// Every selector and every grouping, of rules and dashboard, is by labels that
// the metric has once Prometheus has scraped it.
func testLabels(t *testing.T, s server) {
	queries := panelQueries(t)
	for _, g := range readRules(t).Groups {
		for _, r := range g.Rules {
			queries[r.Record+r.Alert] = r.Expr
		}
	}
	for place, query := range queries {
		parser.Inspect(parse(t, query), func(n parser.Node, _ []parser.Node) error {
			switch n := n.(type) {
			case *parser.VectorSelector:
				var wanted []string
				for _, m := range n.LabelMatchers {
					wanted = append(wanted, m.Name)
				}
				s.expectLabels(t, place, n, wanted)
			case *parser.AggregateExpr:
				s.expectLabels(t, place, n.Expr, n.Grouping)
			case *parser.BinaryExpr:
				if n.VectorMatching != nil {
					s.expectLabels(t, place, n.LHS, n.VectorMatching.MatchingLabels)
					s.expectLabels(t, place, n.RHS, n.VectorMatching.MatchingLabels)
				}
			}
			return nil
		})
	}
}

// expectLabels expects each metric in an expression to have labels.
func (s server) expectLabels(t *testing.T, place string, e parser.Expr, wanted []string) {
	t.Helper()
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		has := ask[[]string](t, s, "/api/v1/labels", url.Values{"match[]": {v.Name}})
		if len(has) == 0 {
			t.Errorf("%s: there is no %s", place, v.Name)
		}
		for _, name := range wanted {
			if !slices.Contains(has, name) {
				t.Errorf("%s: %s has no label %s, but %s", place, v.Name, name, has)
			}
		}
		return nil
	})
}
