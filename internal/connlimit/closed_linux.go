package connlimit

import (
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// waitUntilClosed returns an error as soon as the client has closed the connection, or the
// read deadline has passed. It reads nothing. Nil means that c is no socket.
func waitUntilClosed(c net.Conn) error {
	socket, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err == nil {
		// Read calls the function after each event of the socket, until it returns true.
		err = raw.Read(func(fd uintptr) bool {
			events := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}} // #nosec G115 -- a descriptor is small
			_, _ = unix.Poll(events, 0)
			return events[0].Revents != 0
		})
	}
	if err == nil {
		err = io.EOF
	}
	return err
}
