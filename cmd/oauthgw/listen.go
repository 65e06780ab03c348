package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
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

// observe lets a listener for clients speak TLS if there is a certificate to show, and
// counts and logs what happens at its connections.
func (l *live) observe(clients *bounded) {
	if l.now().settings.Certificate != nil {
		clients.tls = l.tlsConfig()
	}
	l.metrics.Connections(clients.connections)
	minutely := map[string]*logLimit{"max_connections": {every: time.Minute}, "streams": {every: time.Minute}, "uploads": {every: time.Minute}}
	clients.full = func(limit string, passthrough int) {
		if suppressed, ok := minutely[limit].allow(); ok {
			l.log().Warn("connection limit reached", "limit", limit, "max_connections", clients.most,
				"passthrough", passthrough, "suppressed", suppressed)
		}
	}
	secondly := &logLimit{every: time.Second}
	clients.refused = func(reason string, client net.Addr, err error) {
		l.metrics.MalformedRequest(reason)
		suppressed, ok := secondly.allow()
		if !ok {
			return
		}
		attrs := []any{"reason", reason, "client_ip", clientIP(client), "suppressed", suppressed}
		if err != nil {
			attrs = append(attrs, "err", beforeQuote(err.Error()))
		}
		l.log().Info("request refused by net/http", attrs...)
	}
}

// clientIP returns the address of a client without its port. Empty means a Unix socket.
func clientIP(a net.Addr) string {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return ""
	}
	return at.Addr().Unmap().String()
}
