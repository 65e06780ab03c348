package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// harden keeps the process's memory, in which secrets are, from being written
// to a file when it dies, and from being read by others of the same user.
func harden() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core dumps cannot be switched off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("the memory cannot be closed to others: %w", err)
	}
	return nil
}
