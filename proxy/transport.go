package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"

	"oauthgw/internal/upstream"
)

// NewTransport returns the transport for fronted endpoints: it sends a request
// at most once. Server is the provider's origin, and socket the path of a Unix
// socket at which it is; empty means that server names the address. Config is
// the TLS configuration towards the provider; nil means the system's trust.
func NewTransport(server *url.URL, socket string, config *tls.Config) http.RoundTripper {
	return upstream.New(upstream.Config{Server: server, Socket: socket, TLS: config})
}

// NewPassthroughTransport returns the transport for all other paths. It speaks
// HTTP/1.1, neither decompresses nor obeys proxy variables of the environment,
// and waits for a reply as long as the client does. Its arguments are those of
// [NewTransport].
func NewPassthroughTransport(socket string, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:           protocols,
		TLSClientConfig:     config,
		DialContext:         dialing(socket),
		TLSHandshakeTimeout: 5 * time.Second,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     60 * time.Second,
		// The default of 10 MiB lets a few responses take more memory than there is.
		MaxResponseHeaderBytes: 64 << 10,
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
