package prometheus_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// server is a running Prometheus.
type server struct{ origin string }

// startPrometheus scrapes one target per job, every second.
func startPrometheus(t *testing.T, rules []byte, targets map[string]string) server {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatalf("%v: deploy/prometheus/fetch brings it", err)
	}
	directory := t.TempDir()
	write(t, filepath.Join(directory, "rules.yaml"), string(rules))
	config := "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yaml]\nscrape_configs:\n"
	for job, target := range targets {
		config += fmt.Sprintf("- {job_name: %q, static_configs: [{targets: [%q]}]}\n", job, target)
	}
	address := freeAddresses(t, 1)[0]
	start(t, nil, program, "--config.file="+write(t, filepath.Join(directory, "prometheus.yaml"), config),
		"--storage.tsdb.path="+filepath.Join(directory, "data"), "--web.listen-address="+address, "--query.lookback-delta=5s")
	s := server{"http://" + address}
	eventually(t, 30*time.Second, "a Prometheus that is ready", func() string { return s.unready() })
	return s
}

func (s server) unready() string {
	resp, err := http.Get(s.origin + "/-/ready")
	if err != nil {
		return err.Error()
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp.Status
	}
	return ""
}

// ask returns the data of an answer of Prometheus's API.
func ask[T any](t *testing.T, s server, path string, parameters url.Values) T {
	t.Helper()
	resp, err := http.PostForm(s.origin+path, parameters)
	if parameters == nil && err == nil {
		resp.Body.Close()
		resp, err = http.Get(s.origin + path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          T
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s %v: %s %s %v", path, parameters, answer.Status, answer.Error, err)
	}
	return answer.Data
}

type vector struct {
	Result []struct {
		Metric map[string]string
		Value  []any // when, and what
	}
}

func (s server) query(t *testing.T, query string) vector {
	t.Helper()
	return ask[vector](t, s, "/api/v1/query", url.Values{"query": {query}})
}

// fired returns the alerts that have fired since the start.
func (s server) fired(t *testing.T) (names []string) {
	t.Helper()
	for _, r := range s.query(t, `count by (alertname) (max_over_time(ALERTS{alertstate="firing"}[10m]))`).Result {
		names = append(names, r.Metric["alertname"])
	}
	slices.Sort(names)
	return names
}

// eventually waits until what is missing is nothing.
func eventually(t *testing.T, limit time.Duration, what string, missing func() string) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(200 * time.Millisecond) {
		lacking := missing()
		if lacking == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %s", limit, what, lacking)
		}
	}
}

// expectFired waits for alerts.
func (s server) expectFired(t *testing.T, limit time.Duration, alerts ...string) {
	t.Helper()
	begin := time.Now()
	eventually(t, limit, "alerts", func() string {
		fired := s.fired(t)
		return strings.Join(slices.DeleteFunc(slices.Clone(alerts), func(a string) bool { return slices.Contains(fired, a) }), ", ")
	})
	t.Logf("%s: %s", time.Since(begin).Round(time.Second), strings.Join(alerts, ", "))
}
