package main

import (
	"net"
	"syscall"
)

const (
	soBindToIfindex = 62        // SO_BINDTOIFINDEX of socket(7)
	noInterface     = 1<<31 - 1 // an index that no interface has
)

// turnAwayTCP has the system refuse all who have not begun to connect.
//
// No segment arrives at an interface that there is not, so a listener that is
// bound to it is found by none that wants to connect. Connections that are begun
// keep their own. Since Linux 5.7 that takes no privilege; where it is not
// allowed, the listener stays as it is.
func turnAwayTCP(l *net.TCPListener) {
	raw, err := l.SyscallConn()
	if err != nil {
		return // it cannot be used any more
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soBindToIfindex, noInterface)
	})
}
