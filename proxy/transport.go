package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// NewTransport returns the transport for fronted endpoints. It speaks HTTP/1.1
// only, because HTTP/2 has ways to send a request again; it neither
// decompresses nor obeys proxy variables of the environment. Socket is the path
// of a Unix socket; empty means that the URL names the address. Config is the
// TLS configuration towards the provider; nil means the system's trust.
func NewTransport(socket string, config *tls.Config, timeout time.Duration) *http.Transport {
	t := newTransport(socket, config)
	t.ResponseHeaderTimeout = timeout
	t.MaxResponseHeaderBytes = 32 << 10
	t.MaxIdleConnsPerHost = 64
	// Below the keep-alive of common servers, so that a connection is seldom
	// found closed by the other end.
	t.IdleConnTimeout = 30 * time.Second
	return t
}

// NewPassthroughTransport returns the transport for all other paths. It waits
// for a reply as long as the client does. Its arguments are those of
// [NewTransport].
func NewPassthroughTransport(socket string, config *tls.Config) *http.Transport {
	t := newTransport(socket, config)
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = 60 * time.Second
	return t
}

func newTransport(socket string, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:           protocols,
		TLSClientConfig:     config,
		DialContext:         dialing(socket),
		TLSHandshakeTimeout: 5 * time.Second,
		DisableCompression:  true,
	}
}

// dialing returns what connects to the address that the URL names, or always to
// a Unix socket.
func dialing(socket string) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	if socket == "" {
		return dialer.DialContext
	}
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", socket)
	}
}
