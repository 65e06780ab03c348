package proxy

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// NewTransport returns the transport for fronted endpoints. It speaks HTTP/1.1
// only, because HTTP/2 has ways to send a request again; it neither
// decompresses nor obeys proxy variables of the environment. Config is the TLS
// configuration towards the provider; nil means the system's trust.
func NewTransport(config *tls.Config, timeout time.Duration) *http.Transport {
	t := newTransport(config)
	t.ResponseHeaderTimeout = timeout
	t.MaxResponseHeaderBytes = 32 << 10
	t.MaxIdleConnsPerHost = 64
	// Below the keep-alive of common servers, so that a connection is seldom
	// found closed by the other end.
	t.IdleConnTimeout = 30 * time.Second
	return t
}

// NewPassthroughTransport returns the transport for all other paths. It waits
// for a reply as long as the client does.
func NewPassthroughTransport(config *tls.Config) *http.Transport {
	t := newTransport(config)
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = 60 * time.Second
	return t
}

func newTransport(config *tls.Config) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:           protocols,
		TLSClientConfig:     config,
		DialContext:         (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		DisableCompression:  true,
	}
}
