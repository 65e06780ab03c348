package config_test

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"oauthgw/internal/config"
)

func TestA148UntrustedProxy(t *testing.T) {
	for test, want := range map[[2]string]string{
		{"127.0.0.1:80", "10.0.0.0/8"}:  "127.0.0.1",
		{"127.0.0.1:80", "unix"}:        "127.0.0.1",
		{"127.0.0.1:80", "127.0.0.0/8"}: "",
		{"127.0.0.2:80", "127.0.0.2"}:   "127.0.0.1", // from which connections to 127.0.0.0/8 come
		{"127.0.0.2:80", "127.0.0.1"}:   "",
		{"localhost:80", "unix"}:        "127.0.0.1",
		{"localhost:80", "127.0.0.1"}:   "",
		{"[::1]:80", "127.0.0.1"}:       "::1",
		{"[::1]:80", "::1"}:             "",
		{"unix:/s", "127.0.0.1"}:        "unix",
		{"unix:/s", "unix"}:             "",
		{":80", "unix"}:                 "",
	} {
		for _, limited := range []bool{true, false} {
			c := config.Default()
			c.Upstream.URL, c.TrustedProxies, c.ClientAuth.Failures.Burst = "http://127.0.0.1:1", []string{test[1]}, 0
			if !limited {
				c.ClientAuth.Failures.AddressBurst, want = 0, ""
			}
			s, err := c.Validate()
			got := fmt.Sprint(s.Warnings(test[0]))
			if err != nil || !strings.HasSuffix(got, "set trusted_proxies: ["+want+"]]") && got+want != "[]" {
				t.Errorf("%s, trusting %s: got %q, %v; want %q", test[0], test[1], got, err, want)
			}
		}
	}
}

func TestExposedListener(t *testing.T) {
	for test, want := range map[[2]string]bool{
		{":80", ""}: true, {"0.0.0.0:80", ""}: true, {"[::]:80", ""}: true, {"192.0.2.1:80", ""}: true,
		{"192.0.2.1:80", "192.0.2.2"}: false, {"127.0.0.1:80", ""}: false, {"[::1]:80", ""}: false, {"unix:/s", ""}: false,
	} {
		c := config.Default()
		c.Upstream.URL, c.TrustedProxies = "http://127.0.0.1:1", strings.Fields(test[1])
		s, err := c.Validate()
		if got := strings.Contains(fmt.Sprint(s.Warnings(test[0])), "without TLS"); err != nil || got != want {
			t.Errorf("%s, trusting %q: warned %v, %v", test[0], test[1], got, err)
		}
		s.TLS.CertFile = "cert.pem"
		if strings.Contains(fmt.Sprint(s.Warnings(test[0])), "without TLS") {
			t.Errorf("%s: warned with tls", test[0])
		}
	}
}

func TestRestartRequired(t *testing.T) {
	var old, next config.Settings
	next.Listen, next.Admin.Listen, next.MaxConnections, next.Admin.WebConfigFile = "b", "a", 1, "a"
	next.MaxHeaderBytes, next.Timeouts.Idle, next.TLS.CertFile = 1, 1, "a"
	next.State.Redis, next.StateRoots = "a", x509.NewCertPool()
	if got := old.RestartRequired(next); len(got) != 9 || len(old.RestartRequired(old)) != 0 {
		t.Errorf("got %q", got)
	}
}
