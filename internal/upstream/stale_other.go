//go:build !unix

package upstream

import "net"

// isReadable cannot be implemented here without waiting. A request on a connection that
// the server has closed fails.
func isReadable(net.Conn) bool { return false }
