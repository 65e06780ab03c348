package prometheus_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"gopkg.in/yaml.v3"
)

// speed is how much faster time passes for the rules under test: a minute of
// theirs is a second. Thresholds stay, so an alert needs the same share and the
// same number of requests, in a sixtieth of the time.
const speed = 60

type rulesFile struct {
	Groups []group `yaml:"groups"`
}

type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         model.Duration    `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// readRules returns the rules that are delivered.
func readRules(t *testing.T) (file rulesFile) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// shortened returns the rules with every range, offset and wait divided.
func shortened(t *testing.T, file rulesFile) []byte {
	t.Helper()
	for _, g := range file.Groups {
		for i, r := range g.Rules {
			g.Rules[i].Expr = shorten(parse(t, r.Expr)).String()
			g.Rules[i].For = r.For / speed
		}
	}
	for i := range file.Groups {
		file.Groups[i].Interval = "1s"
	}
	text, err := yaml.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func shorten(e parser.Expr) parser.Expr {
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.MatrixSelector:
			n.Range /= speed
		case *parser.VectorSelector:
			n.OriginalOffset /= speed
		}
		return nil
	})
	return e
}

func parse(t *testing.T, query string) parser.Expr {
	t.Helper()
	e, err := parser.ParseExpr(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return e
}

// What is shortened is the same query with other times.
func TestShortened(t *testing.T) {
	text := string(shortened(t, readRules(t)))
	for _, want := range []string{
		"increase(oauthgw_log_dropped_total[15s])", "job:oauthgw_client_auth:ratio_rate1d offset 1m", "for: 10s", "[24m]",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the rules lack %s:\n%s", want, text)
		}
	}
	if got := shorten(parse(t, "rate(a[5m] offset 1h)")).String(); got != "rate(a["+model.Duration(5*time.Second).String()+"] offset 1m)" {
		t.Errorf("got %s", got)
	}
}
