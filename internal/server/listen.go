package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// listen returns the socket of systemd for a key of the configuration, or listens on its
// address, host:port or unix:/path.
func (s Sockets) listen(key, address string) (net.Listener, error) {
	l, passed := s[key]
	if passed && strings.HasPrefix(l.Addr().String(), "@") {
		return nil, fmt.Errorf("systemd passed an abstract socket for %s, which every user of this host can connect to: ListenStream= must be a path", key)
	}
	if passed {
		return l, nil
	}
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
