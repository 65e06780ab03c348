package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

func TestGarbageBeside(t *testing.T) {
	for inUse, want := range map[uint64]int{
		0: most, 1 << 20: most, 7 << 20: 116, 70 << 20: 26, 7 << 30: share, 1 << 63: share,
	} {
		if got := garbageBeside(inUse); got != want {
			t.Errorf("%d bytes in use: got %d, want %d", inUse, got, want)
		}
	}
}

// The room that is left for garbage follows what is in use, unless the environment
// gives a percentage. The tests behind this one have it too.
func TestCollectingSeldom(t *testing.T) {
	const given = 77
	debug.SetGCPercent(given)
	t.Setenv("GOGC", "77")
	collectSeldom()
	if got := percentage(); got != given {
		t.Errorf("the environment gives %d, and %d is in force", given, got)
	}
	_ = os.Unsetenv("GOGC")
	collectSeldom()
	before := collected()
	kept, beside := make([]byte, 200<<20), before
	eventually(t, "less room, in percent", func() bool {
		beside = collected()
		return beside < before
	})
	runtime.KeepAlive(kept)
	eventually(t, "more room again", func() bool { return collected() > beside })
}

// collected returns the percentage that a collection leaves.
func collected() int {
	runtime.GC()
	return percentage()
}

// percentage returns the one that is in force.
func percentage() int {
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(samples)
	return int(samples[0].Value.Uint64())
}
