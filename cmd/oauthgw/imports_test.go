package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// allowedImports are the imports of each package, the standard library and tests aside:
// packages of this module, and other modules. Few packages import a module, so that it can
// be replaced.
var allowedImports = map[string][]string{
	"oauthgw/clientauth": {},
	"oauthgw/metrics":    {"github.com/prometheus/client_golang"},
	"oauthgw/proxy": {
		"oauthgw/clientauth", "oauthgw/metrics", "oauthgw/internal/responserecorder", "oauthgw/internal/authlimit",
		"oauthgw/internal/trustedproxy", "oauthgw/internal/jsonobject", "oauthgw/internal/origin", "oauthgw/internal/upstream", "oauthgw/internal/wwwauth",
	},
	"oauthgw/wellknown": {
		"oauthgw/clientauth", "oauthgw/metrics", "oauthgw/internal/jsonobject", "oauthgw/internal/origin", "oauthgw/internal/printable",
		"github.com/hashicorp/golang-lru/v2", "golang.org/x/sync/semaphore", "golang.org/x/sync/singleflight",
	},
	"oauthgw/cmd/oauthgw": {
		"oauthgw/clientauth", "oauthgw/metrics", "oauthgw/proxy", "oauthgw/wellknown", "oauthgw/internal/responserecorder", "oauthgw/internal/authlimit",
		"oauthgw/internal/config", "oauthgw/internal/doctor", "oauthgw/internal/legacy", "oauthgw/internal/origin",
		"oauthgw/internal/printable",
		"oauthgw/internal/statuspage", "oauthgw/internal/tracing",
		"github.com/coreos/go-systemd/v22", "github.com/gorilla/mux", "github.com/prometheus/exporter-toolkit", "golang.org/x/sys/unix",
	},
	"oauthgw/internal/responserecorder": {},
	"oauthgw/internal/authlimit":        {"github.com/hashicorp/golang-lru/v2", "golang.org/x/time/rate"},
	"oauthgw/internal/config": {
		"oauthgw/clientauth", "oauthgw/proxy", "oauthgw/wellknown", "oauthgw/internal/authlimit", "oauthgw/internal/origin", "oauthgw/internal/printable",
		"oauthgw/internal/trustedproxy",
		"github.com/prometheus/exporter-toolkit", "github.com/rs/cors", "golang.org/x/sys/unix", "gopkg.in/yaml.v3",
	},
	"oauthgw/internal/doctor":                       {"oauthgw/clientauth", "oauthgw/wellknown", "oauthgw/internal/jsonobject", "oauthgw/internal/origin", "oauthgw/internal/printable", "oauthgw/internal/wwwauth"},
	"oauthgw/internal/trustedproxy":                 {},
	"oauthgw/internal/faultprovider":                {"oauthgw/internal/legacy"},
	"oauthgw/internal/faultprovider/faultproviderd": {"oauthgw/internal/faultprovider"},
	"oauthgw/internal/jsonobject":                   {},
	"oauthgw/internal/legacy":                       {},
	"oauthgw/internal/legacy/legacyd":               {"oauthgw/internal/legacy"},
	"oauthgw/internal/origin":                       {},
	"oauthgw/internal/printable":                    {},
	"oauthgw/internal/statuspage":                   {"oauthgw/internal/jsonobject", "oauthgw/internal/printable"},
	"oauthgw/internal/upstream":                     {},
	"oauthgw/internal/tracing":                      {"go.opentelemetry.io/otel", "github.com/go-logr/logr"},
	"oauthgw/internal/wwwauth":                      {},
	"oauthgw/bench/compare":                         {"oauthgw/clientauth", "oauthgw/internal/upstream"},
	"oauthgw/bench/stress":                          {},
}

func TestImports(t *testing.T) {
	missing := map[string]bool{}
	for name := range allowedImports {
		missing[name] = true
	}
	for _, p := range packages(t) {
		allowed, ok := allowedImports[p.ImportPath]
		if delete(missing, p.ImportPath); !ok {
			t.Errorf("%s has no row in allowedImports: add one, or move the code to a package that has one", p.ImportPath)
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		for _, i := range p.Imports {
			isOurs := strings.HasPrefix(i, "oauthgw/")
			isStandard := !strings.Contains(strings.Split(i, "/")[0], ".") && !isOurs
			if !isStandard && !slices.ContainsFunc(allowed, func(a string) bool { return i == a || !isOurs && strings.HasPrefix(i, a+"/") }) {
				t.Errorf("%s imports %s, which is not in its row of allowedImports", p.ImportPath, i)
			}
		}
	}
	for name := range missing {
		t.Errorf("allowedImports has a row for %s, which does not exist", name)
	}
}

type listedPackage struct {
	ImportPath, Doc, Dir               string
	Imports, TestGoFiles, XTestGoFiles []string
}

// packages returns the packages of this module.
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

// usesWallClock are the files with times of the wall clock: dates of certificates, and times
// that people read.
var usesWallClock = map[string]bool{
	"internal/config/tls.go":        true,
	"internal/doctor/connection.go": true,
	"internal/statuspage/text.go":   true,
	"internal/upstream/conn.go":     true,
	"metrics/operation.go":          true,
}

// wallClock matches calls whose result has no monotonic clock reading.
var wallClock = regexp.MustCompile(`\.(UTC|Local|Unix\w*)\(\)|\.(Round|Truncate|In|AddDate)\(|time\.(Unix\w*|Date|Parse\w*)\(`)

// TestClockSteps checks that deadlines, lifetimes, limits and ages are computed from times
// with a monotonic clock reading, so that setting the clock does not change them.
func TestClockSteps(t *testing.T) {
	for name, text := range read(t, "clientauth/*.go", "metrics/*.go", "proxy/*.go", "wellknown/*.go", "cmd/*/*.go", "internal/*/*.go") {
		if usesWallClock[name] || strings.HasPrefix(name, "internal/faultprovider/") || strings.HasPrefix(name, "internal/legacy/") {
			continue
		}
		if call := wallClock.FindString(text); call != "" {
			t.Errorf("%s: %s drops the monotonic clock reading", name, call)
		}
	}
}
