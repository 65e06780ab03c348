package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How much garbage may come together before it is collected.
const (
	// roomy is how much may, in bytes, however little is in use: by the usual rule that
	// goes by what is in use alone a small heap would be collected every few hundred
	// requests.
	roomy = 7 << 20
	// share is how much may besides, in percent of what is in use. With thousands of
	// connections open memory is what is scarce.
	share = 16
	// most is the percentage where next to nothing is in use, or nobody knows yet. The
	// runtime takes it of 4 MiB, if less is.
	most = 250
)

// collectSeldom lets the collector go by this, unless the environment says
// otherwise. The runtime knows a percentage only, so that is set anew after each
// collection.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		setRoom(struct{}{})
	}
}

// setRoom sets it until the next collection, and then again: that is when a value
// that nobody holds is found.
func setRoom(struct{}) {
	debug.SetGCPercent(garbageBeside(inUse()))
	runtime.AddCleanup(new([16]byte), setRoom, struct{}{})
}

// garbageBeside returns how much garbage may come together beside what is in use, in
// percent of that.
func garbageBeside(inUse uint64) int {
	return int(min(most, share+100*roomy/max(inUse, 1))) // #nosec G115 -- at most that
}

// inUse returns the bytes of which the runtime takes that percentage: what the last
// collection left of the heap, and what it looks at besides.
func inUse() (bytes uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		bytes += s.Value.Uint64()
	}
	return bytes
}
