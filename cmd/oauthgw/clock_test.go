package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ofTheClock are the places where a time is meant by the clock on the wall: dates of
// certificates, and what people read. A moment long ago is no time at all.
var ofTheClock = map[string]bool{
	"cmd/oauthgw/certificate.go":        true,
	"internal/doctor/connection.go":     true,
	"internal/statuspage/text.go":       true,
	"internal/submission/connection.go": true,
	"metrics/operation.go":              true,
}

// wallClock is what leaves nothing of a time but what the clock said.
var wallClock = regexp.MustCompile(`\.(UTC|Local|Unix\w*)\(\)|\.(Round|Truncate|In|AddDate)\(|time\.(Unix\w*|Date|Parse\w*)\(`)

// A clock that is set changes no deadline, lifetime, limit or age: all of them are
// counted by what time.Now has beside the clock.
func TestClockSteps(t *testing.T) {
	root := filepath.Join("..", "..")
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, "oauthgw/")
		if strings.HasPrefix(path, "bench/") || strings.HasPrefix(path, "internal/hostile") || strings.HasPrefix(path, "internal/legacy") {
			continue // they are no part of the gateway
		}
		files, err := filepath.Glob(filepath.Join(root, path, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", path, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") || ofTheClock[filepath.ToSlash(file)[len("../../"):]] {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := wallClock.Find(text); found != nil {
				t.Errorf("%s: %s leaves only the clock, which may be set", file, found)
			}
		}
	}
}
