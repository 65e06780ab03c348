package main

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever says nothing more is left, within a header sooner than between requests.
func TestSilentClientsAreLeft(t *testing.T) {
	for name, test := range map[string]struct {
		sent  string
		lasts time.Duration
	}{
		"within a header":  {"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", 5 * time.Second},
		"before a request": {"", 5 * time.Second},
		"behind an answer": {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 75 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := pipes{make(chan net.Conn), make(chan struct{})}
				server := (&servers{}).newServer(say("well"), log.New(io.Discard, "", 0))
				go func() { _ = server.Serve(l) }()
				client, other := net.Pipe()
				l.connections <- other
				start := time.Now()
				go func() { _, _ = io.WriteString(client, test.sent) }()
				_, _ = io.Copy(io.Discard, client)
				if d := time.Since(start); d != test.lasts {
					t.Errorf("it lasted %s", d)
				}
				_ = server.Close()
				client.Close()
			})
		})
	}
}

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

// While as many requests as may be wait at the fronted endpoints, metadata and all
// other paths are reached.
func TestBusyEndpointsLeaveTheRestAlone(t *testing.T) {
	var waiting atomic.Int64
	release := make(chan struct{})
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			waiting.Add(1)
			<-release
		}
	}))
	defer provider.Close()
	g, err := newGateway(learning(t, provider.URL), nobody())
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	ask := func(way http.RoundTripper, method string) error {
		r, err := http.NewRequestWithContext(t.Context(), method, provider.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := way.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	const most = 512
	var asking sync.WaitGroup
	for range most {
		asking.Go(func() {
			if err := ask(g.to.fronted, http.MethodPost); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "filling the endpoints", func() bool { return waiting.Load() == most })
	if ask(g.to.fronted, http.MethodPost) == nil {
		t.Error("one more was let through")
	}
	for name, way := range map[string]http.RoundTripper{"metadata": g.to.metadata, "other paths": g.to.rest} {
		if err := ask(way, http.MethodGet); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	close(release)
	asking.Wait()
}

// TLS below 1.2 is not spoken with clients.
func TestOldTLSIsRefused(t *testing.T) {
	files := certificateFiles(t, filepath.Join(t.TempDir(), "shown"), time.Now().Add(time.Hour))
	g := unasked(t, func(c *config.Config) { c.TLS = files })
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
