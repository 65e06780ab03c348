package main

import (
	"net"
	"syscall"
	"unsafe"
)

// hungUp reports whether the other end has closed a connection, without reading
// from it (POLLRDHUP of poll(2)).
func hungUp(c net.Conn) bool {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return true
	}
	const pollRDHup = 0x2000
	events := struct {
		fd              int32
		events, revents int16
	}{events: pollRDHup}
	_ = raw.Control(func(fd uintptr) {
		events.fd = int32(fd)
		_, _, _ = syscall.Syscall(syscall.SYS_POLL, uintptr(unsafe.Pointer(&events)), 1, 0)
	})
	return events.revents != 0
}
