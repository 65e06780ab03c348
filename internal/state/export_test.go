package state

// WithDialer returns the configuration with connections of a test.
func (c Config) WithDialer(dial dialer) Config {
	c.dial = dial
	return c
}
