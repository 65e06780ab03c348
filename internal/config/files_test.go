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
		"empty": " \n", "large": strings.Repeat("# no end\n", 1<<20/9+1), "long": strings.Repeat("# long\n", 5000) + "log: {\n",
	} {
		write(t, filepath.Join(dir, name), text)
	}
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Symlink(filepath.Join(dir, "..data"), filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	const absent, empty = "cannot be read: no such file or directory", "is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment"
	for name, want := range map[string]string{
		"absent": absent, "link": absent, "empty": empty, "pipe": empty, "large": "is larger than 1 MiB, the most for a configuration",
	} {
		if _, err := config.Load(filepath.Join(dir, name), nil); fmt.Sprint(err) != filepath.Join(dir, name)+": "+want {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := config.Load(filepath.Join(dir, "long"), nil); fmt.Sprint(err) != filepath.Join(dir, "long")+":5001: lacks a value, or has one that begins with a reserved character; quote it" {
		t.Errorf("long: got %v", err)
	}
	for text, want := range map[string]string{
		"tls: {cert_file: /dev/zero, key_file: /dev/zero}":                          "tls.cert_file: /dev/zero cannot be read: is larger than 1 MiB\nFILE:2: tls.key_file: /dev/zero cannot be read: is larger than 1 MiB",
		"tls: {cert_file: DIR/one.crt}":                                             "tls: needs both cert_file and key_file, or neither",
		"tls: {cert_file: DIR/one.crt, key_file: DIR/two.key}":                      "tls.key_file: DIR/two.key cannot be used with the certificate in DIR/one.crt: private key does not match public key",
		"tls: {cert_file: DIR/one.key, key_file: DIR/one.crt}":                      "tls.cert_file: DIR/one.key holds no certificate in PEM\nFILE:2: tls.key_file: DIR/one.crt holds no private key in PEM",
		"tls: {cert_file: DIR/old.crt, key_file: DIR/old.key}":                      "tls.cert_file: the certificate in DIR/old.crt expired on 2024-02-29; renew it",
		"tls: {cert_file: DIR/half.crt, key_file: DIR/one.key}":                     "tls.cert_file: DIR/half.crt holds no certificate in PEM",
		"tls: {cert_file: DIR/one.crt, key_file: DIR/encrypted.key}":                "tls.key_file: DIR/encrypted.key is encrypted; write the key without a passphrase",
		"upstream: {url: https://a, cert_file: DIR/old.crt, key_file: DIR/old.key}": "upstream.cert_file: the certificate in DIR/old.crt expired on 2024-02-29; renew it",
		"upstream: {url: https://a, ca_file: DIR}":                                  "upstream.ca_file: DIR cannot be read: is a directory",
		"admin: {web_config_file: DIR/pipe}":                                        "admin.web_config_file: DIR/pipe is not a regular file",
		"audit: {file: DIR/pipe}":                                                   "audit.file: cannot be written: open DIR/pipe: no such device or address",
	} {
		if !strings.HasPrefix(text, "upstream") {
			text = "upstream: {url: http://127.0.0.1:1}\n" + text
		} else {
			text = "\n" + text
		}
		file := filepath.Join(dir, "oauthgw.yaml")
		write(t, file, strings.ReplaceAll(text, "DIR", dir))
		_, err := config.Load(file, nil)
		if want = strings.NewReplacer("FILE", file, "DIR", dir).Replace("FILE:2: " + want); fmt.Sprint(err) != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
	}
}

// TestFingerprintLeavesPipesAlone checks that a fingerprint reads nothing of a pipe, which a
// reload would read.
func TestFingerprintLeavesPipesAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "oauthgw.yaml")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(name, os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	if _, err := pipe.WriteString("whole"); err != nil {
		t.Fatal(err)
	}
	config.Fingerprint([]string{name})
	text := make([]byte, 10)
	_ = pipe.SetReadDeadline(time.Now().Add(time.Second))
	if n, err := pipe.Read(text); err != nil || string(text[:n]) != "whole" {
		t.Errorf("the pipe holds %q, %v", text[:n], err)
	}
}
