package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"oauthgw/internal/config"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeCertificate writes a self-signed certificate and its key to NAME.crt and NAME.key.
func writeCertificate(t *testing.T, name string, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: until}
	certificate, err2 := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	private, err3 := x509.MarshalPKCS8PrivateKey(key)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	write(t, name+".crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// TestUnusableFiles checks what is reported about the configuration file and about files
// that it names.
func TestUnusableFiles(t *testing.T) {
	dir := t.TempDir()
	expired := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	for name, until := range map[string]time.Time{"one": time.Now().Add(time.Hour), "two": time.Now().Add(time.Hour), "old": expired} {
		writeCertificate(t, filepath.Join(dir, name), until)
	}
	for name, text := range map[string]string{
		"half.crt": "-----BEGIN CERTIFICATE-----\nMIIB", "encrypted.key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"empty": " \n", "large": strings.Repeat("# no end\n", 1<<20/9+1),
	} {
		write(t, filepath.Join(dir, name), text)
	}
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Symlink(filepath.Join(dir, "..data"), filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"absent": "cannot be read: open FILE: no such file or directory", "link": "cannot be read: open FILE: no such file or directory",
		"empty": "is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment", "pipe": "cannot be read: FILE is not a regular file",
		"large": "cannot be read: FILE is larger than 1 MiB",
	} {
		file := filepath.Join(dir, name)
		if _, err := config.Load(file, nil); fmt.Sprint(err) != strings.ReplaceAll("FILE: "+want, "FILE", file) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for text, want := range map[string]string{
		"tls: {cert_file: /dev/zero, key_file: DIR/large}":                          "tls.cert_file: /dev/zero is not a regular file\nFILE:2: tls.key_file: DIR/large is larger than 1 MiB",
		"tls: {cert_file: DIR/one.crt}":                                             "tls: needs both cert_file and key_file, or neither",
		"tls: {cert_file: DIR/one.crt, key_file: DIR/two.key}":                      "tls: DIR/one.crt and DIR/two.key must be a certificate and its key in PEM, without a passphrase: private key does not match public key",
		"tls: {cert_file: DIR/half.crt, key_file: DIR/one.key}":                     "tls: DIR/half.crt and DIR/one.key must be a certificate and its key in PEM, without a passphrase: failed to find any PEM data in certificate input",
		"tls: {cert_file: DIR/one.crt, key_file: DIR/encrypted.key}":                "tls: DIR/one.crt and DIR/encrypted.key must be a certificate and its key in PEM, without a passphrase: failed to parse private key",
		"tls: {cert_file: DIR/old.crt, key_file: DIR/old.key}":                      "tls.cert_file: the certificate in DIR/old.crt expired on 2024-02-29; renew it",
		"upstream: {url: https://a, cert_file: DIR/old.crt, key_file: DIR/old.key}": "upstream.cert_file: the certificate in DIR/old.crt expired on 2024-02-29; renew it",
		"upstream: {url: https://a, ca_file: DIR}":                                  "upstream.ca_file: DIR is not a regular file",
		"admin: {web_config_file: DIR/pipe}":                                        "admin.web_config_file: DIR/pipe is not a regular file",
		"audit: {file: DIR/pipe}":                                                   "audit.file: DIR/pipe cannot be written: open DIR/pipe: no such device or address",
	} {
		head := "upstream: {url: http://127.0.0.1:1}"
		if strings.HasPrefix(text, "upstream") {
			head = ""
		}
		file := filepath.Join(dir, "oauthgw.yaml")
		write(t, file, head+"\n"+strings.ReplaceAll(text, "DIR", dir))
		_, err := config.Load(file, nil)
		if want = strings.NewReplacer("FILE", file, "DIR", dir).Replace("FILE:2: " + want); fmt.Sprint(err) != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

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
