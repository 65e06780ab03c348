package main

import (
	"syscall"
	"time"
)

// sleep sleeps in the system, which is exact to 0.1 ms; a Go timer is to 1 ms. A
// signal may end it early.
func sleep(d time.Duration) {
	wait := syscall.NsecToTimespec(d.Nanoseconds())
	_ = syscall.Nanosleep(&wait, nil)
}
