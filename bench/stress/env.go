package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// env is the environment of one part: a provider, a directory, counters, and the
// gateways that the part starts.
type env struct {
	binary    string
	scale     float64
	directory string
	provider  *provider
	limits    limits        // of each gateway's memory
	duration  time.Duration // of mixed

	upstreamOptions string                              // of the gateways, such as ", timeout: 2s"
	maxFiles        int                                 // that a gateway may open; 0: as many as this program
	samePorts       bool                                // gateways use the ports of the one before
	openLog         func(name string) (*os.File, error) // opens the gateways' log

	mu                 sync.Mutex
	requests, failures int
	firstFailures      []string

	gateways []*gateway
	clients  int // created so far
}

func newEnv(binary string, scale float64) (*env, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "stress-")
	if err != nil {
		return nil, err
	}
	e := &env{binary: binary, scale: scale, directory: directory, provider: &provider{seen: map[string]int{}}, openLog: os.Create}
	return e, e.provider.start("127.0.0.1:0")
}

// close kills the gateways that still run and removes the directory.
func (e *env) close() {
	for _, g := range e.gateways {
		g.kill()
	}
	e.provider.stop()
	_ = os.RemoveAll(e.directory)
}

// scaled scales a number, but to no less than 2.
func (e *env) scaled(n int) int { return max(2, int(math.Round(float64(n)*e.scale))) }

func (e *env) scaledTime(d time.Duration) time.Duration {
	return time.Duration(float64(d) * e.scale)
}

// file returns the name of a file in the directory.
func (e *env) file(name string) string { return filepath.Join(e.directory, name) }

// count counts a request and, if err is not nil, its failure.
func (e *env) count(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.requests++
	if err != nil {
		e.failures++
		if len(e.firstFailures) < 10 {
			e.firstFailures = append(e.firstFailures, err.Error())
		}
	}
}

// replaceFile replaces a file atomically, as Kubernetes does.
func replaceFile(name, text string) error {
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// maxWait limits every wait for something that must happen.
const maxWait = 20 * time.Second

// waitFor waits until a condition holds.
func waitFor(ctx context.Context, what string, holds func() bool) error {
	for end := time.Now().Add(maxWait); !holds(); pause(ctx, 10*time.Millisecond) {
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("timed out waiting for %s", what)
		}
	}
	return nil
}

// pause sleeps until d has passed or ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// limits are the memory limits of the shipped Kubernetes manifest.
type limits struct {
	memory     int64  // of the container, in bytes
	goMemLimit string // GOMEMLIMIT
}

var limitsInManifest = regexp.MustCompile(`(?s)GOMEMLIMIT, value: (\d+MiB)\}.*\n *limits:\n *memory: (\d+)Mi\n`)

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
