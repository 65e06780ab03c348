package state_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/state"
)

// TestConnections checks a Unix socket and TLS, and that a password which changes is used.
func TestConnections(t *testing.T) {
	f, secure := newFakeRedis(), httptest.NewUnstartedServer(nil)
	secure.StartTLS()
	defer secure.Close()
	socket := filepath.Join(t.TempDir(), "redis.sock")
	plain, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: secure.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	for url, listener := range map[string]net.Listener{"unix://gateway@" + socket: plain, "rediss://gateway@" + encrypted.Addr().String(): encrypted} {
		defer func() { _ = listener.Close() }()
		go func() {
			for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
				go f.serve(conn)
			}
		}()
		var none *fakeRedis
		password := "0ld"
		r := none.replica(t, func(c *state.Config) {
			c.Redis, c.Roots = url, x509.NewCertPool()
			c.Roots.AddCert(secure.Certificate())
			c.Password = func() string { defer func() { password = "n3w" }(); return password }
		})
		wantClaim(t, r, url, "app", state.NewKey(url), time.Minute, state.ErrUnavailable)
		wantClaim(t, r, url, "app", state.NewKey(url), time.Minute, nil)
		if sent := f.received(); !strings.Contains(sent, "auth gateway n3w") {
			t.Errorf("%s: sent %s", url, sent)
		}
	}
}

func TestURLs(t *testing.T) {
	for url, good := range map[string]bool{
		"redis://127.0.0.1:6379": true, "rediss://gateway@redis.example/3": true, "unix:///run/redis.sock?db=1": true,
		"": false, "http://redis.example": false, "redis.example:6379": false, "redis://redis.example/x": false, "redis://:pa55word%zz@redis.example": false,
	} {
		r, err := state.NewRedis(state.Config{Redis: url}, state.NewMemory())
		if good != (err == nil) || err != nil && (!strings.HasPrefix(err.Error(), "state.redis: ") || strings.Contains(err.Error(), "pa55word")) {
			t.Errorf("%s: got %v", url, err)
		}
		if err == nil {
			r.Close()
		}
	}
}
