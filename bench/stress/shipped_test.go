package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The attacks run under the limits of the manifest. GOMEMLIMIT is 90 % of the memory limit:
// the kernel would kill the process if the garbage collector aimed higher.
func TestA129AttacksRunUnderTheShippedLimits(t *testing.T) {
	l, err := readLimits("../../deploy/kubernetes/base/deployment.yaml")
	if err != nil || l.memory < 256<<20 || l.goMemLimit != fmt.Sprintf("%dMiB", (l.memory>>20)*9/10) {
		t.Errorf("got %+v %v", l, err)
	}
}

func TestLimitsOfManifests(t *testing.T) {
	const hard, soft = "  limits: {memory: 64Mi}\n", "  - {name: GOMEMLIMIT, value: 57MiB}\n"
	for text, want := range map[string]limits{
		hard + soft: {64 << 20, "57MiB"}, hard: {}, soft: {}, hard + soft + hard: {}, "": {},
	} {
		name := filepath.Join(t.TempDir(), "deployment.yaml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readLimits(name); got != want || (err == nil) != (want.memory > 0) {
			t.Errorf("%q: got %+v %v", text, got, err)
		}
	}
	if _, err := readLimits(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a manifest that is not there was read")
	}
}
