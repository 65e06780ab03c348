package main

import (
	"net"
	"os"
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
	case *net.UnixListener:
		turnAwayUnix(l)
	}
	time.Sleep(handshakeTime)
}

// turnAwayUnix takes away the path by which others find the socket. Another
// process may put its own there, so closing the listener must leave that.
func turnAwayUnix(l *net.UnixListener) {
	l.SetUnlinkOnClose(false)
	_ = os.Remove(l.Addr().String()) // one that is not there leads nobody here
}
