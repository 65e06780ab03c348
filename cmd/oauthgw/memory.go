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

// collectSeldom tells the collector of garbage how much room there is, unless the
// environment does. What it returns has to be kept and not touched: it is part of the
// heap, and as long as nobody touches it the system gives it no memory.
func collectSeldom() (spare []byte) {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	debug.SetGCPercent(collectAt)
	return make([]byte, spareHeap)
}
