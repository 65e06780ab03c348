//go:build !linux

package main

import "net"

// waitUntilGone does nothing where a socket cannot be watched without reading it. There
// net/http notices a client that leaves only if nothing has arrived behind its request.
func waitUntilGone(net.Conn) error { return nil }
