package connlimit

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// waitUntilClosed returns an error as soon as the client has closed the connection, or the
// read deadline has passed. It reads nothing. A nil socket returns nil.
func waitUntilClosed(socket syscall.RawConn) error {
	if socket == nil {
		return nil
	}
	err := socket.Read(isClosed) // again after each event, until it is closed
	if err == nil {
		err = io.EOF
	}
	return err
}

func isClosed(fd uintptr) bool {
	events := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}} // #nosec G115 -- a descriptor is small
	_, _ = unix.Poll(events, 0)
	return events[0].Revents != 0
}
