//go:build unix

package submission

import (
	"net"
	"syscall"
)

// isReadable reports whether there is something to read on a connection, the end
// included, without taking it.
func isReadable(c net.Conn) bool {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return true // it is closed
	}
	readable := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		readable = err != syscall.EAGAIN && err != syscall.EWOULDBLOCK
		return true
	})
	return readable || err != nil
}
