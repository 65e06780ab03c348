package main

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The bound of connections holds for clients.
func TestMaxConnections(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			close(arrived)
			<-release
		}
		_, _ = io.WriteString(w, "{}")
	}))
	defer provider.Close()
	g := frontedGateway(t, provider.URL, func(c *config.Config) { c.MaxConnections = 1 })
	ask := func(path string) net.Conn {
		c, err := net.Dial("tcp", g.data)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		return c
	}
	held := ask("/held")
	defer held.Close()
	<-arrived
	second := ask("/")
	defer second.Close()
	_ = second.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := second.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("beside the one that may be open, another is answered: %d, %v", n, err)
	}
	close(release)
	_ = second.SetReadDeadline(time.Now().Add(20 * time.Second))
	if answer, err := io.ReadAll(second); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
		t.Errorf("behind it: %s %v", answer, err)
	}
}

// TLS below 1.2 is not spoken with clients.
func TestOldTLSIsRefused(t *testing.T) {
	files := certificateFiles(t, filepath.Join(t.TempDir(), "shown"), time.Now().Add(time.Hour))
	g := gatewayWithoutRequests(t, func(c *config.Config) { c.TLS = files })
	for version, spoken := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", g.data, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if err == nil {
			c.Close()
		}
		if (err == nil) != spoken {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}
