package main

import (
	"regexp"
	"strings"
	"testing"
)

// usesWallClock are the files in which a time is meant by the wall clock: dates of
// certificates, and times that people read. A time long ago is none at all.
var usesWallClock = map[string]bool{
	"internal/config/tls.go":        true,
	"internal/doctor/connection.go": true,
	"internal/statuspage/text.go":   true,
	"internal/upstream/conn.go":     true,
	"metrics/operation.go":          true,
}

// wallClock matches calls whose result has no monotonic clock reading.
var wallClock = regexp.MustCompile(`\.(UTC|Local|Unix\w*)\(\)|\.(Round|Truncate|In|AddDate)\(|time\.(Unix\w*|Date|Parse\w*)\(`)

// Setting the clock changes no deadline, lifetime, limit or age, because they are computed
// from times with a monotonic clock reading.
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
