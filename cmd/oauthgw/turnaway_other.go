//go:build !linux

package main

import "net"

// turnAwayTCP has no way here to refuse only those who have not begun to connect.
func turnAwayTCP(*net.TCPListener) {}
