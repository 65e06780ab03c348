package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// environment describes what the figures of a run depend on.
func (o options) environment() string {
	cpuinfo, _ := os.ReadFile("/proc/cpuinfo") // empty if it does not exist
	_, rest, _ := strings.Cut(string(cpuinfo), "model name\t: ")
	model, _, _ := strings.Cut(rest, "\n")
	versions, _ := os.ReadFile(filepath.Join(o.peers, "versions")) // empty if fetch did not run
	return fmt.Sprintf("%d rounds of %v; %d processors, %s, %s/%s; %s; %s; %s.\n",
		o.rounds, o.duration, runtime.NumCPU(), strings.TrimSpace(model), runtime.GOOS, runtime.GOARCH, runtime.Version(),
		strings.ReplaceAll(strings.TrimSpace(string(versions)), "\n", ", "), time.Now().UTC().Format(time.DateOnly))
}
