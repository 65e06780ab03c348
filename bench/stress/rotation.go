package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
)

// handshakes counts the TLS handshakes of one client.
type handshakes struct {
	fullOnly        bool         // the client resumes no session
	resumed, serial atomic.Int64 // serial is that of the last certificate shown
}

// verify records a handshake. A resumed session shows the certificate of its first
// handshake.
func (h *handshakes) verify(state tls.ConnectionState) error {
	if state.DidResume {
		h.resumed.Add(1)
		return nil
	}
	h.serial.Store(state.PeerCertificates[0].SerialNumber.Int64())
	return nil
}

// rotation replaces the server certificate repeatedly. No handshake may fail, and every
// client that makes full handshakes must be shown each certificate.
func rotation(ctx context.Context, e *env) (string, error) {
	if err := e.writeCertificate(0); err != nil {
		return "", err
	}
	g, err := e.startGateway(ctx, fmt.Sprintf("tls: {cert_file: %q, key_file: %q}\n", e.file("crt"), e.file("key")))
	if err != nil {
		return "", err
	}
	clients, seen := e.tlsClients(g.data)
	stop := e.startLoad(ctx, load{requests: []request{redeem, sendWrongSecret}, maxPause: 20 * time.Millisecond}, clients)
	defer stop()
	total := e.scaled(20)
	for i := 1; i <= total && err == nil; i++ {
		err = errors.Join(e.writeCertificate(i), g.reload(i%5 == 0, i%5%2 == 1), waitFor(ctx, "the certificate at all clients", func() bool {
			return !slices.ContainsFunc(seen, func(h *handshakes) bool { return h.fullOnly && h.serial.Load() != int64(i) })
		}))
	}
	stop()
	var resumed int64
	for _, h := range seen {
		resumed += h.resumed.Load()
	}
	if resumed == 0 {
		err = errors.Join(err, errors.New("no session was resumed"))
	}
	return fmt.Sprintf("%d certificates, %d resumed handshakes, %d codes", total, resumed, e.provider.codes()),
		errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// writeCertificate writes a new self-signed certificate and its key, one file after the
// other.
func (e *env) writeCertificate(serial int) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(serial)), DNSNames: []string{publicHost},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	return errors.Join(err,
		replaceFile(e.file("crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))),
		replaceFile(e.file("key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))))
}

// tlsClients returns clients of four kinds: full handshakes for every request in TLS 1.3
// and in TLS 1.2, resumed sessions, and kept connections. A handshake proves that the
// gateway has the key of the certificate, whose issuer is not checked.
func (e *env) tlsClients(address string) (clients []*client, seen []*handshakes) {
	for i, c := range e.newClients(32, address) {
		h := &handshakes{fullOnly: i%4 < 2}
		config := &tls.Config{InsecureSkipVerify: true, ServerName: publicHost, VerifyConnection: h.verify}
		switch i % 4 {
		case 1:
			config.MaxVersion = tls.VersionTLS12
		case 2:
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		}
		c.base, c.transport.TLSClientConfig = origin, config
		if i%4 != 3 {
			c.header.Set("Connection", "close")
		}
		clients, seen = append(clients, c), append(seen, h)
	}
	return clients, seen
}
