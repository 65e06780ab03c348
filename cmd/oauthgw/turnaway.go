package main

import (
	"net"
	"time"
)

// handshakeTime is how long it may take until a connection that the system has
// begun to take has been taken by the process.
const handshakeTime = 250 * time.Millisecond

// turnAway lets a listener take the connections that are on their way, and has
// the system refuse all others. Closing it at once would reset connections that
// the system has taken and the process has not, with requests in them.
//
// The listener must be of this process alone, because what is set stays with the
// socket. Nil stands for one that is not: it is not closed either, and whoever
// else holds it answers.
func turnAway(l net.Listener) {
	switch l := l.(type) {
	case nil:
		return
	case *net.TCPListener:
		turnAwayTCP(l)
	case *unixListener:
		l.turnAway()
	}
	time.Sleep(handshakeTime)
}
