//go:build !linux

package connlimit

import "net"

// waitUntilClosed does nothing: elsewhere net/http notices a client that leaves only if
// nothing has arrived behind its request.
func waitUntilClosed(net.Conn) error { return nil }
