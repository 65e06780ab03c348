package main

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"time"
)

// certificate reads a certificate and its key, and refuses what clients would
// refuse: a pair that does not match, a certificate that has expired.
func (m *mistakes) certificate(key string, c certificateConfig) *tls.Certificate {
	switch {
	case c.CertFile == "" && c.KeyFile == "":
		return nil
	case c.CertFile == "" || c.KeyFile == "":
		m.add(key, "needs both cert_file and key_file, or neither")
		return nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	switch {
	case err != nil:
		m.add(key, "the certificate cannot be used: %w", err)
	case time.Now().After(pair.Leaf.NotAfter):
		m.add(key, "the certificate in %s expired on %s", c.CertFile, pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	default:
		return &pair
	}
	return nil
}

// upstreamTLS returns how the provider proves who it is, and what it is shown.
// Nil means the system's trust and nothing.
func (m *mistakes) upstreamTLS(c config) *tls.Config {
	roots := m.trust("upstream.ca_file", c.Upstream.CAFile)
	own := m.certificate("upstream.cert_file", certificateConfig{c.Upstream.CertFile, c.Upstream.KeyFile})
	if roots == nil && own == nil {
		return nil
	}
	out := &tls.Config{RootCAs: roots}
	if own != nil {
		out.Certificates = []tls.Certificate{*own}
	}
	return out
}

func (m *mistakes) trust(key, file string) *x509.CertPool {
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		m.add(key, "%w", err)
		return nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		m.add(key, "%s holds no certificate in PEM", file)
	}
	return roots
}

// shown returns the TLS configuration of the listener, which shows the
// certificate of the moment to each new connection.
func (l *live) shown() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return l.now().settings.certificate, nil
		},
	}
}
