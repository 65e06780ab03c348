//go:build !linux

package connlimit

import "syscall"

// waitUntilClosed does nothing: elsewhere net/http notices a client that leaves only if
// nothing has arrived behind its request.
func waitUntilClosed(syscall.RawConn) error { return nil }
