//go:build !unix

package upstream

import "syscall"

// isReadable has no way here to look without waiting. A connection that the
// server has closed is found out by the request that fails on it.
func isReadable(syscall.RawConn) bool { return false }
