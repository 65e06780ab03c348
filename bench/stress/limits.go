package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// limits are the memory limits of the shipped Kubernetes manifest.
type limits struct {
	memory     int64  // of the container, in bytes
	goMemLimit string // GOMEMLIMIT
}

var limitsInManifest = regexp.MustCompile(`(?s)GOMEMLIMIT, value: (\d+MiB)\}.*\n *limits: \{memory: (\d+)Mi\}\n`)

func readLimits(manifest string) (limits, error) {
	text, err := os.ReadFile(manifest)
	if err != nil {
		return limits{}, err
	}
	found := limitsInManifest.FindSubmatch(text)
	if found == nil {
		return limits{}, fmt.Errorf("%s: GOMEMLIMIT or the memory limit is missing", manifest)
	}
	mebibytes, err := strconv.ParseInt(string(found[2]), 10, 64)
	return limits{mebibytes << 20, string(found[1])}, err
}
