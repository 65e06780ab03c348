package main

import (
	"os"
	"runtime/debug"
)

const (
	// collectAt is how much the heap grows, in percent, before garbage is
	// collected: with thousands of connections open, memory is what is scarce.
	collectAt = 50
	// spareHeap counts into that, in bytes, so that a small heap is not collected
	// every few requests.
	spareHeap = 10 << 20
)

// spare is never touched, so that the system does not give it any memory.
var spare []byte

// collectSeldom tells the collector of garbage how much room there is, unless the
// environment does.
func collectSeldom() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(collectAt)
	spare = make([]byte, spareHeap)
}
