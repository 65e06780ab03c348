package config_test

import (
	"testing"

	"oauthgw/internal/config"
)

func TestA148UntrustedProxy(t *testing.T) {
	noLimit := func(c *config.Config) { c.ClientAuth.Failures.Burst, c.ClientAuth.Failures.AddressBurst = 0, 0 }
	for _, test := range []struct {
		listen, trusted string
		change          func(*config.Config)
		want            string
	}{
		{"127.0.0.1:80", "10.0.0.0/8", nil, "127.0.0.1"},
		{"127.0.0.1:80", "unix", nil, "127.0.0.1"},
		{"127.0.0.1:80", "unix", func(c *config.Config) { c.ClientAuth.Failures.Burst = 0 }, "127.0.0.1"},
		{"127.0.0.1:80", "unix", func(c *config.Config) { c.ClientAuth.Failures.AddressBurst = 0 }, "127.0.0.1"},
		{"127.0.0.1:80", "unix", noLimit, ""},
		{"127.0.0.1:80", "127.0.0.0/8", nil, ""},
		// Connections to any address in 127.0.0.0/8 come from 127.0.0.1.
		{"127.0.0.2:80", "127.0.0.2", nil, "127.0.0.1"},
		{"127.0.0.2:80", "127.0.0.1", nil, ""},
		{"localhost:80", "unix", nil, "127.0.0.1"},
		{"localhost:80", "127.0.0.1", nil, ""},
		{"[::1]:80", "127.0.0.1", nil, "::1"},
		{"[::1]:80", "::1", nil, ""},
		{"unix:/s", "127.0.0.1", nil, "unix"},
		{"unix:/s", "unix", nil, ""},
		{":80", "unix", nil, ""},
	} {
		c := config.Default()
		c.Upstream.URL, c.TrustedProxies = "http://127.0.0.1:1", []string{test.trusted}
		if test.change != nil {
			test.change(&c)
		}
		s, err := c.Validate()
		if got := s.UntrustedProxy(test.listen); err != nil || got != test.want {
			t.Errorf("%s, trusting %s: got %q, %v; want %q", test.listen, test.trusted, got, err, test.want)
		}
	}
}

func TestRestartRequired(t *testing.T) {
	var old, next config.Settings
	next.Listen, next.Admin.Listen, next.MaxConnections, next.Admin.WebConfigFile = "b", "a", 1, "a"
	if got := old.RestartRequired(next); len(got) != 4 || len(old.RestartRequired(old)) != 0 {
		t.Errorf("got %q", got)
	}
}
