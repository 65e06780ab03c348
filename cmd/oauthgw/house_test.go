package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// house says which packages of ours each package may import, and which
// third-party modules have their door there. A package without a row has to
// earn one: with a sentence of its own.
var house = map[string]struct{ ours, doors []string }{
	"oauthgw/clientauth": {},
	"oauthgw/metrics":    {ours: []string{"oauthgw/internal/answered"}, doors: []string{"github.com/prometheus/client_golang"}},
	"oauthgw/proxy":      {ours: []string{"oauthgw/clientauth", "oauthgw/metrics", "oauthgw/internal/answered", "oauthgw/internal/attempts", "oauthgw/internal/bodyend", "oauthgw/internal/forwarded", "oauthgw/internal/jsonobject", "oauthgw/internal/origin", "oauthgw/internal/submission", "oauthgw/internal/wwwauth"}},
	"oauthgw/wellknown": {
		ours:  []string{"oauthgw/clientauth", "oauthgw/metrics", "oauthgw/internal/printable", "oauthgw/internal/jsonobject", "oauthgw/internal/origin", "oauthgw/internal/stack"},
		doors: []string{"github.com/hashicorp/golang-lru/v2", "golang.org/x/sync/singleflight"},
	},
	// A JSON object as its members, each in the octets that it came in.
	"oauthgw/internal/jsonobject": {},
	// Text of clients and providers, made safe to print.
	"oauthgw/internal/printable": {},
	// With which status a request was answered.
	"oauthgw/internal/answered": {},
	// The end of a body, which stays an end.
	"oauthgw/internal/bodyend": {},
	// Where this program panicked, in words that may be logged.
	"oauthgw/internal/stack": {},
	// A request submitted to one server at most once, and a reply that is framed
	// beyond doubt.
	"oauthgw/internal/submission": {},
	// Who failed to authenticate, and who has to wait.
	"oauthgw/internal/attempts": {doors: []string{"github.com/hashicorp/golang-lru/v2", "golang.org/x/time/rate"}},
	// Where a request came from, as far as the proxies on its way are trusted.
	"oauthgw/internal/forwarded": {},
	// Origins compared, and URLs moved between them.
	"oauthgw/internal/origin": {},
	// The challenges of WWW-Authenticate fields, parsed, and their parameters replaced.
	"oauthgw/internal/wwwauth": {},
	// Given the URL of an authorization server, these are the things that will
	// trip its clients, and what to do about them.
	"oauthgw/internal/doctor": {ours: []string{"oauthgw/clientauth", "oauthgw/wellknown", "oauthgw/internal/jsonobject", "oauthgw/internal/origin", "oauthgw/internal/printable", "oauthgw/internal/wwwauth"}},
	// Given what is known of a running gateway, this is the page that an operator
	// reads.
	"oauthgw/internal/statuspage": {ours: []string{"oauthgw/internal/jsonobject"}},
	"oauthgw/internal/legacy":     {},
	// I am a provider that misbehaves on purpose, in ways that have names, as often
	// as I am told, and I remember what arrived.
	"oauthgw/internal/hostile":          {ours: []string{"oauthgw/internal/legacy"}},
	"oauthgw/internal/hostile/hostiled": {ours: []string{"oauthgw/internal/hostile"}},
	// What OpenTelemetry is told of requests.
	"oauthgw/internal/tracing": {ours: []string{"oauthgw/internal/answered"}, doors: []string{"go.opentelemetry.io/otel", "github.com/go-logr/logr"}},
	// What operators and machines do to the gateway while clients use it, and
	// whether clients notice.
	"oauthgw/bench/soak": {ours: []string{"oauthgw/bench/marked"}},
	// What the gateway costs, beside what one would take in its place.
	"oauthgw/bench/pace": {ours: []string{"oauthgw/clientauth", "oauthgw/bench/marked", "oauthgw/internal/submission"}},
	// The part of a file that a program writes, between what people wrote.
	"oauthgw/bench/marked":            {},
	"oauthgw/internal/legacy/legacyd": {ours: []string{"oauthgw/internal/legacy"}},
	"oauthgw/cmd/oauthgw": {
		ours:  []string{"oauthgw/clientauth", "oauthgw/metrics", "oauthgw/proxy", "oauthgw/wellknown", "oauthgw/internal/answered", "oauthgw/internal/attempts", "oauthgw/internal/bodyend", "oauthgw/internal/doctor", "oauthgw/internal/printable", "oauthgw/internal/forwarded", "oauthgw/internal/legacy", "oauthgw/internal/origin", "oauthgw/internal/stack", "oauthgw/internal/statuspage", "oauthgw/internal/tracing"},
		doors: []string{"github.com/coreos/go-systemd/v22", "github.com/gorilla/mux", "github.com/prometheus/exporter-toolkit", "github.com/rs/cors", "golang.org/x/sys/unix", "gopkg.in/yaml.v3"},
	},
}

func TestHouse(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range packages(t) {
		seen[p.ImportPath] = true
		row, ok := house[p.ImportPath]
		if !ok {
			t.Errorf("%s has no row in the house: say in a sentence what it is, or put it into the package whose sentence covers it", p.ImportPath)
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		for _, i := range p.Imports {
			switch {
			case strings.HasPrefix(i, "oauthgw/") && !slices.Contains(row.ours, i):
				t.Errorf("%s imports %s: against the arrows of the house", p.ImportPath, i)
			case strings.Contains(strings.Split(i, "/")[0], ".") && !slices.ContainsFunc(row.doors, func(d string) bool { return i == d || strings.HasPrefix(i, d+"/") }):
				t.Errorf("%s imports %s: its door is elsewhere, or a new dependency has to be argued", p.ImportPath, i)
			}
		}
	}
	for path := range house {
		if !seen[path] {
			t.Errorf("the house has a row for %s, which is not there", path)
		}
	}
}

type listedPackage struct {
	ImportPath, Doc, Dir               string
	Imports, TestGoFiles, XTestGoFiles []string
}

func packages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Doc,Dir,Imports,TestGoFiles,XTestGoFiles", "oauthgw/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var listed []listedPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return listed
		} else if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, p)
	}
}
