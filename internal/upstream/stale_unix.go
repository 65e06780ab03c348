//go:build unix

package upstream

import (
	"net"
	"syscall"
)

// isReadable reports whether a read from a connection would return at once, with data,
// the end or an error. It reads nothing.
func isReadable(c net.Conn) bool {
	readable := true
	socket, err := c.(syscall.Conn).SyscallConn()
	if err == nil {
		err = socket.Read(func(fd uintptr) bool {
			_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			readable = err != syscall.EAGAIN && err != syscall.EWOULDBLOCK
			return true
		})
	}
	return readable || err != nil
}
