package main

import (
	"syscall"
	"time"
)

// sleep is accurate to 0.1 ms; [time.Sleep] is accurate to 1 ms. A signal may end it
// early.
func sleep(d time.Duration) {
	wait := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&wait, nil)
}
