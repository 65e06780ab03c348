package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// harden keeps the secrets in memory out of core dumps, and from other processes of the
// same user.
func harden() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("cannot disable core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("cannot keep other processes from reading the memory: %w", err)
	}
	return nil
}
