package state

import (
	"context"
	"net"
)

// WithDialer returns the configuration with connections of a test.
func (c Config) WithDialer(dial func(ctx context.Context, network, address string) (net.Conn, error)) Config {
	c.dial = dial
	return c
}
