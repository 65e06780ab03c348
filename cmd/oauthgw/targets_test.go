package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
	fuzzList   = regexp.MustCompile(`(?ms)^FUZZ ?= ?'?(.*?[^\\])'?\n`)
)

// make fuzz runs every fuzz target, and what runs before each change is some of
// them.
func TestFuzzTargetsAreRun(t *testing.T) {
	targets := map[string]bool{}
	root := filepath.Join("..", "..")
	for _, p := range packages(t) {
		for _, name := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
			for _, m := range fuzzTarget.FindAllStringSubmatch(textOf(t, filepath.Join(p.Dir, name)), -1) {
				targets[strings.TrimPrefix(p.ImportPath, "oauthgw/")+"/"+m[1]] = true
			}
		}
	}
	listed := func(file string) []string {
		m := fuzzList.FindStringSubmatch(textOf(t, filepath.Join(root, file)))
		if m == nil {
			t.Fatalf("%s lists no fuzz targets", file)
		}
		return strings.Fields(strings.ReplaceAll(m[1], "\\\n", " "))
	}
	if all, want := listed("Makefile"), slices.Sorted(maps.Keys(targets)); !slices.Equal(slices.Sorted(slices.Values(all)), want) {
		t.Errorf("the Makefile lists %q, there are %q", all, want)
	}
	for _, target := range listed(".ci/run") {
		if !targets[target] {
			t.Errorf(".ci/run lists %s, which does not exist", target)
		}
	}
}
