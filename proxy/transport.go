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

// NewTransport returns the transport for endpoints, which sends a request at most once.
// Server is the provider's origin, and socket the path of its Unix socket; empty means that
// server names the address. Config is for TLS to the provider; nil means the system's roots.
func NewTransport(server *url.URL, socket string, config *tls.Config) http.RoundTripper {
	return upstream.New(upstream.Config{Server: server, Socket: socket, TLS: config})
}

// NewPassthroughTransport returns the transport for all other paths. It speaks HTTP/1.1,
// does not decompress, ignores the proxy variables of the environment, and waits for a
// response as long as the client does. Its arguments are those of [NewTransport].
func NewPassthroughTransport(socket string, config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	return &http.Transport{
		Protocols:       protocols,
		TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if socket != "" {
				network, address = "unix", socket
			}
			return dialer.DialContext(ctx, network, address)
		},
		TLSHandshakeTimeout: 5 * time.Second,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     60 * time.Second,
		// With the default of 10 MiB a few responses could exhaust the memory.
		MaxResponseHeaderBytes: 64 << 10,
	}
}
