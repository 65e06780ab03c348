package main

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"oauthgw/internal/config"
)

// testSettings returns settings of a gateway that discovers everything from a provider.
func testSettings(t testing.TB, upstream string, change ...func(*config.Config)) config.Settings {
	t.Helper()
	c := config.Default()
	c.Upstream.URL, c.Listen, c.Admin.Listen = upstream, "127.0.0.1:0", "127.0.0.1:0"
	for _, f := range change {
		f(&c)
	}
	s, err := c.Validate()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// eventually waits for a condition that another goroutine fulfils.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func status(t *testing.T, url string) int {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

const basicRequest = "POST %s HTTP/1.1\nHost: a\nAuthorization: Basic YXBwOnMzY3JldC1vbmU=\nContent-Type: application/x-www-form-urlencoded\n\ngrant_type=x"

// writeCertificate writes the certificate of a test server to a file.
func writeCertificate(t *testing.T, server *httptest.Server) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(name, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
