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
	for url, want := range map[string]string{
		"redis://127.0.0.1:6379": "", "rediss://gateway@redis.example/3": "", "unix:///run/redis.sock?db=1": "",
		"http://redis.example": "invalid URL scheme", "redis.example:6379": "invalid URL scheme", "": "invalid URL scheme",
		"redis://redis.example?skip_verify=true": "options", "redis://redis.example/x": "database number",
		"redis://:pa55word@redis.example": "state.password_file", "redis://:pa55word%zz@redis.example": "not a URL", "unix://": "socket path",
	} {
		r, err := state.NewRedis(state.Config{Redis: url}, state.NewMemory())
		switch {
		case err == nil:
			r.Close()
			fallthrough
		case want == "":
			if err != nil || want != "" {
				t.Errorf("%s: got %v", url, err)
			}
		case !strings.HasPrefix(err.Error(), "state.redis: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pa55word"):
			t.Errorf("%s: got %v", url, err)
		}
	}
}
