package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
)

// limits are the memory limits that the manifests for Kubernetes ship.
type limits struct {
	memory     int64  // of the container, in bytes
	goMemLimit string // GOMEMLIMIT
}

var (
	shippedMemory = regexp.MustCompile(`(?m)^ *limits: \{memory: (\d+)Mi\}$`)
	shippedSoft   = regexp.MustCompile(`(?m)^ *- \{name: GOMEMLIMIT, value: (\d+MiB)\}$`)
)

// readLimits reads the limits from a manifest. It must hold each of them once.
func readLimits(manifest string) (limits, error) {
	text, err := os.ReadFile(manifest)
	if err != nil {
		return limits{}, err
	}
	hard, soft := shippedMemory.FindAllSubmatch(text, -1), shippedSoft.FindAllSubmatch(text, -1)
	if len(hard) != 1 || len(soft) != 1 {
		return limits{}, fmt.Errorf("%s: %d memory limits in Mi and %d GOMEMLIMIT in MiB, want one of each", manifest, len(hard), len(soft))
	}
	mebibytes, err := strconv.ParseInt(string(hard[0][1]), 10, 64)
	if mebibytes == 0 {
		err = errors.Join(err, fmt.Errorf("%s: the memory limit is 0", manifest))
	}
	return limits{mebibytes << 20, string(soft[0][1])}, err
}
