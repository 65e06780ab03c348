package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
)

// certificateFiles writes a new self-signed certificate for 127.0.0.1 and its key.
func certificateFiles(t *testing.T, name string, until time.Time) config.CertificateConfig {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := config.CertificateConfig{CertFile: name + ".crt", KeyFile: name + ".key"}
	for file, block := range map[string]*pem.Block{c.CertFile: {Type: "CERTIFICATE", Bytes: der}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestCertificateIsReplaced checks that the certificate follows its file, and stays if the new
// one is broken or the configuration has none.
func TestCertificateIsReplaced(t *testing.T) {
	name := filepath.Join(t.TempDir(), "shown")
	files := certificateFiles(t, name, time.Now().Add(time.Hour))
	p := startProgram(t, startProvider(t, okJSON+"{}"), "endpoints: {token: /t}\ntls: {cert_file: "+files.CertFile+", key_file: "+files.KeyFile+"}\n")
	shown := func() *x509.Certificate {
		c, err := tls.Dial("tcp", p.data, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if text, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200 ") {
			t.Errorf("got %s %v", text, err)
		}
		return c.ConnectionState().PeerCertificates[0]
	}
	first := shown()
	certificateFiles(t, name, time.Now().Add(2*time.Hour))
	if code, text := p.reload(); code != 200 || shown().Equal(first) {
		t.Errorf("the new certificate is not shown: %d %s", code, text)
	}
	second := shown()
	testGateway{admin: p.admin}.expectExpiry(t, "server", second.NotAfter)
	// Removing tls requires a restart.
	with := p.head
	p.head = with[:strings.Index(with, "tls:")] + with[strings.Index(with, "listen:"):]
	p.write("")
	if code, _ := p.reload(); code != 200 || !shown().Equal(second) {
		t.Errorf("without a certificate: %d", code)
	}
	eventually(t, "the log line about the restart", func() bool { return strings.Contains(p.log.String(), `"key":"tls"`) })
	p.head = with
	p.write("")
	if err := os.WriteFile(files.CertFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, text := p.reload(); code != 500 || !strings.Contains(text, "tls: "+files.CertFile+" and ") || !shown().Equal(second) {
		t.Errorf("a broken file: %d %s", code, text)
	}
}

// expectExpiry checks when a certificate expires in the metrics. The zero time means that
// there is none.
func (g testGateway) expectExpiry(t *testing.T, role string, want time.Time) {
	t.Helper()
	series := `oauthgw_certificate_not_after_timestamp_seconds{role="` + role + `"} `
	line := series + strconv.FormatFloat(float64(want.Unix()), 'g', -1, 64) + "\n"
	if text := g.scrape(t); want.IsZero() && strings.Contains(text, series) || !want.IsZero() && !strings.Contains(text, line) {
		t.Errorf("of %s the metrics do not say that it expires %v:\n%s", role, want, text)
	}
}
