package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// listen listens on an address, host:port or unix:/path. The error names the
// configuration key of the address.
func listen(key, address string) (net.Listener, error) {
	var l net.Listener
	var err error
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
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
		return "unix:" + l.Addr().String()
	}
	return l.Addr().String()
}
