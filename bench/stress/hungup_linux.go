package main

import (
	"net"
	"syscall"
	"unsafe"
)

// hungUp reports whether the other end has closed a connection, without reading
// from it (POLLRDHUP of ppoll(2)).
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
		var atOnce syscall.Timespec
		_, _, _ = syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&events)), 1, uintptr(unsafe.Pointer(&atOnce)), 0, 0, 0)
	})
	return events.revents != 0
}
