package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
)

const unixPrefix = "unix:"

// listen listens on an address, host:port or unix:/path. The error names the
// configuration key of the address.
func listen(key, address string) (net.Listener, error) {
	var l net.Listener
	var err error
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		l, err = listenUnix(path)
	} else {
		l, err = net.Listen("tcp", address)
	}
	if system := new(os.SyscallError); errors.As(err, &system) {
		err = system.Err // without the address in front of it
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w", key, address, err)
	}
	return l, nil
}

// address returns the address of a listener in the form of the configuration.
func address(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return unixPrefix + l.Addr().String()
	}
	return l.Addr().String()
}

// clientIP returns the address of a client without its port. Empty means a Unix socket.
func clientIP(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return ""
	}
	return at.Addr().Unmap().String()
}
