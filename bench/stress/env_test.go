package main

import (
	"fmt"
	"testing"
)

// The attacks run with the limits of the shipped manifest. GOMEMLIMIT is 90 % of the
// memory limit: closer to it the kernel would kill the process.
func TestA129AttacksRunUnderTheShippedLimits(t *testing.T) {
	l, err := readLimits("../../deploy/kubernetes/oauthgw.yaml")
	if err != nil || l.memory < 256<<20 || l.goMemLimit != fmt.Sprintf("%dMiB", (l.memory>>20)*9/10) {
		t.Errorf("got %+v %v", l, err)
	}
}
