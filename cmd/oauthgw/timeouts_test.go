package main

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
)

// TestTimeouts checks that each timeout of the configuration ends a connection long before its
// default does.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	const head = "POST /t HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\n"
	for name, test := range map[string]struct {
		shorten func(*config.Config)
		sends   string
		want    string // the response begins with it
	}{
		"header": {func(c *config.Config) { c.Timeouts.Header = 200 * time.Millisecond }, "GET / HTTP/1.1\r\n", ""},
		"idle":   {func(c *config.Config) { c.Timeouts.Idle = 200 * time.Millisecond }, head + "a=b", "HTTP/1.1 200 OK"},
		"stall":  {func(c *config.Config) { c.Timeouts.Stall = 200 * time.Millisecond }, head + "a", "HTTP/1.1 408 Request Timeout"},
	} {
		g := frontedGateway(t, startEchoProvider(t), test.shorten)
		c, err := net.Dial("tcp", g.data)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(config.Default().Timeouts.Header - time.Second))
		_, _ = io.WriteString(c, test.sends)
		got, err := io.ReadAll(c)
		// A connection that is closed with unread bytes is reset.
		if errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(string(got), test.want) || test.want == "" && len(got) > 0 {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		c.Close()
	}
}
