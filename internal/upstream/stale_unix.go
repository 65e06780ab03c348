//go:build unix

package upstream

import "syscall"

// isReadable reports whether there is something to read on a socket, the end
// included, without taking it. One that is closed is readable.
func isReadable(socket syscall.RawConn) bool {
	readable := false
	err := socket.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		readable = err != syscall.EAGAIN && err != syscall.EWOULDBLOCK
		return true
	})
	return readable || err != nil
}
