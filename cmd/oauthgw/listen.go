package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

const unixPrefix = "unix:"

// listenOn takes an address, host:port or unix:/path. The error names the key
// that gave it.
func listenOn(key, purpose, address string) (net.Listener, error) {
	path, isUnix := strings.CutPrefix(address, unixPrefix)
	var l net.Listener
	var err error
	if isUnix {
		l, err = listenUnix(path)
	} else {
		l, err = net.Listen("tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen for %s (%s: %s): %w", purpose, key, address, cause(err))
	}
	return l, nil
}

// cause returns the system's reason, without the address that stands before it.
func cause(err error) error {
	var reason *os.SyscallError
	if errors.As(err, &reason) {
		return reason.Err
	}
	return err
}

// withTLS puts TLS on a listener if there is a certificate to show.
func (l *live) withTLS(plain net.Listener) net.Listener {
	if l.now().settings.certificate == nil {
		return plain
	}
	return tls.NewListener(plain, l.shown())
}
