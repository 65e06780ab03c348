package main

import (
	"errors"

	"golang.org/x/sys/unix"
)

// harden keeps secrets out of core dumps, and from other processes of the same user.
func harden() error {
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}
