package main

import (
	"net"
	"syscall"
	"time"
)

const (
	// handshakeTime is how long it may take until a connection that the system
	// has begun to take has been taken by the process.
	handshakeTime = 250 * time.Millisecond

	soBindToIfindex = 62        // SO_BINDTOIFINDEX of socket(7)
	noInterface     = 1<<31 - 1 // an index that no interface has
)

// turnAway lets a listener take the connections that are on their way, and has
// the system refuse all others. Closing it at once would reset connections that
// the system has taken and the process has not, with requests in them.
//
// No segment arrives at an interface that there is not, so a listener that is
// bound to it is found by none that wants to connect. Connections that are begun
// keep their own. Since Linux 5.7 that takes no privilege; where it is not
// allowed, the listener stays as it is.
//
// The listener must be of this process alone, because what is set stays with the
// socket. Nil stands for one that is not: it is not closed either, and whoever
// else holds it answers.
func turnAway(l net.Listener) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // it cannot be used any more
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soBindToIfindex, noInterface)
	})
	time.Sleep(handshakeTime)
}
