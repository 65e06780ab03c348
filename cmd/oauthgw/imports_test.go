package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// leaves are the packages that import none of ours, or only leaves below them.
const leaves = "leaf packages"

// row is what a package may import.
type row struct {
	ours    []string // packages of this module without the prefix oauthgw/, and leaves
	modules []string // other modules; few packages import one, so that it can be replaced
}

// allowedImports is the table of the architecture: the importers come first, in the order
// in which a request passes them.
var allowedImports = map[string]row{
	"clientauth": {},
	"proxy":      {ours: []string{"clientauth", "metrics", "internal/clients", "internal/repair", "internal/state", leaves}},
	"wellknown": {ours: []string{"clientauth", "metrics", leaves},
		modules: []string{"github.com/hashicorp/golang-lru/v2", "golang.org/x/sync/semaphore", "golang.org/x/sync/singleflight"}},
	"metrics": {ours: []string{leaves}, modules: []string{"github.com/prometheus/client_golang"}},
	"cmd/oauthgw": {ours: []string{"clientauth", "proxy", "wellknown", "metrics", "internal/admin", "internal/config", "internal/demo", "internal/doctor",
		"internal/explain", "internal/gateway", "internal/logging", "internal/server", "internal/tracing", leaves}, modules: []string{"golang.org/x/sys/unix"}},

	"internal/demo":    {ours: []string{"internal/clients", "internal/config", "internal/legacy"}},
	"internal/explain": {ours: []string{"clientauth", "proxy", "metrics", "internal/assertion", "internal/clients", "internal/config", "internal/gateway", "internal/printable"}},
	"internal/admin":   {ours: []string{"clientauth", "proxy", "wellknown", "metrics", "internal/gateway", "internal/statuspage"}},
	"internal/gateway": {ours: []string{"clientauth", "proxy", "wellknown", "metrics", "internal/clients", "internal/config", "internal/repair", "internal/state", "internal/tracing", leaves},
		modules: []string{"github.com/gorilla/mux"}},
	"internal/server": {ours: []string{"proxy", "metrics", "internal/logging", leaves},
		modules: []string{"github.com/coreos/go-systemd/v22", "github.com/prometheus/exporter-toolkit", "golang.org/x/sys/unix", "golang.org/x/time/rate"}},
	"internal/config": {ours: []string{"clientauth", "proxy", "wellknown", "internal/assertion", "internal/clients", "internal/repair", leaves},
		modules: []string{"github.com/prometheus/exporter-toolkit", "github.com/rs/cors", "golang.org/x/sys/unix", "gopkg.in/yaml.v3"}},
	"internal/logging":    {ours: []string{leaves}, modules: []string{"golang.org/x/time/rate"}},
	"internal/doctor":     {ours: []string{"clientauth", "wellknown", leaves}},
	"internal/clients":    {ours: []string{"clientauth", "internal/assertion"}},
	"internal/assertion":  {ours: []string{"clientauth", "internal/jsonobject"}, modules: []string{"github.com/go-jose/go-jose/v4"}},
	"internal/repair":     {ours: []string{"clientauth", leaves}},
	"internal/statuspage": {ours: []string{"wellknown", "metrics", leaves}},
	"internal/tracing":    {ours: []string{leaves}, modules: []string{"go.opentelemetry.io/otel", "github.com/go-logr/logr"}},

	"internal/authlimit":        {ours: []string{"internal/state"}},
	"internal/connlimit":        {modules: []string{"golang.org/x/sys/unix"}},
	"internal/jsonobject":       {},
	"internal/origin":           {},
	"internal/printable":        {},
	"internal/responserecorder": {},
	"internal/state":            {modules: []string{"github.com/hashicorp/golang-lru/v2", "github.com/redis/go-redis/v9"}},
	"internal/trustedproxy":     {},
	"internal/upstream":         {},
	"internal/wwwauth":          {},

	"internal/legacy":                       {},
	"internal/legacy/legacyd":               {ours: []string{"internal/legacy"}},
	"internal/faultprovider":                {ours: []string{"internal/legacy"}},
	"internal/faultprovider/faultproviderd": {ours: []string{"internal/faultprovider"}},
	"bench/compare":                         {ours: []string{"clientauth", leaves}},
	"bench/stress":                          {},
}

// leafPackages are the packages that leaves stands for.
var leafPackages = []string{"internal/authlimit", "internal/connlimit", "internal/jsonobject", "internal/origin", "internal/printable",
	"internal/responserecorder", "internal/state", "internal/trustedproxy", "internal/upstream", "internal/wwwauth"}

// TestImports checks that the packages import only what their rows allow, and that each has
// a package comment.
func TestImports(t *testing.T) {
	missing := maps.Clone(allowedImports)
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, "oauthgw/")
		allowed, ok := allowedImports[name]
		if delete(missing, name); !ok {
			t.Errorf("%s has no row in allowedImports: add one, or move the code to a package that has one", name)
			continue
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", name)
		}
		for _, i := range p.Imports {
			if !allowed.allows(i) {
				t.Errorf("%s imports %s, which its row of allowedImports does not allow", name, i)
			}
		}
	}
	for name := range missing {
		t.Errorf("allowedImports has a row for %s, which does not exist", name)
	}
}

func (r row) allows(imported string) bool {
	if name, ours := strings.CutPrefix(imported, "oauthgw/"); ours {
		return slices.Contains(r.ours, name) || slices.Contains(r.ours, leaves) && slices.Contains(leafPackages, name)
	}
	isStandard := !strings.Contains(strings.Split(imported, "/")[0], ".")
	return isStandard || slices.ContainsFunc(r.modules, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") })
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

// usesWallClock are the files with times of the wall clock: dates of certificates and of assertions,
// and times that people read.
var usesWallClock = map[string]bool{
	"cmd/oauthgw/placeholder_test.go": true,
	"internal/assertion/assertion.go": true,
	"internal/config/files.go":        true,
	"internal/doctor/assertion.go":    true,
	"internal/doctor/doctor.go":       true,
	"internal/statuspage/page.go":     true,
	"internal/upstream/conn.go":       true,
	"metrics/record.go":               true,
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
