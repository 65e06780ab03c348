package prometheus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// post sends a form. What is answered is for the metrics to tell.
func post(client *http.Client, url, authorization, form string) {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(form))
	if err != nil {
		panic(err) // the URL is an address and a constant
	}
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err := client.Do(r); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

func get(client *http.Client, url string) {
	if resp, err := client.Get(url); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// postSlowly sends a token request whose body takes its time.
func postSlowly(address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		time.Sleep(50 * time.Millisecond) // it does not listen yet
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, "POST /t HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na")
	time.Sleep(300 * time.Millisecond)
	_, _ = io.WriteString(c, "=b")
	_, _ = io.Copy(io.Discard, c)
}

// certificate writes a certificate for 127.0.0.1 and its key.
func certificate(t *testing.T, directory string, until time.Time) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(directory, "tls.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		write(t, filepath.Join(directory, "tls.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}
