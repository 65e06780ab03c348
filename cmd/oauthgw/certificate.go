package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// certificate reads a certificate and its key, and refuses what the other side
// would refuse: a pair that does not match, a certificate that has expired. The
// keys are section.cert_file and section.key_file.
func (m *mistakes) certificate(section string, c certificateConfig) *tls.Certificate {
	switch {
	case c.CertFile == "" && c.KeyFile == "":
		return nil
	case c.CertFile == "" || c.KeyFile == "":
		m.add(section, "needs both cert_file and key_file, or neither")
		return nil
	}
	certKey, keyKey := section+".cert_file", section+".key_file"
	chain, readChain := m.pem(certKey, c.CertFile, "CERTIFICATE", "certificate")
	private, readPrivate := m.pem(keyKey, c.KeyFile, "PRIVATE KEY", "private key")
	if !readChain || !readPrivate {
		return nil
	}
	pair, err := tls.X509KeyPair(chain, private)
	switch {
	case err != nil:
		m.add(keyKey, "%s cannot be used with the certificate in %s: %s", c.KeyFile, c.CertFile, strings.TrimPrefix(err.Error(), "tls: "))
	case time.Now().After(pair.Leaf.NotAfter):
		m.add(certKey, "the certificate in %s expired on %s; renew it", c.CertFile, pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	default:
		return &pair
	}
	return nil
}

// pem reads a file that holds a block whose type ends in what is told.
func (m *mistakes) pem(key, file, blockType, what string) ([]byte, bool) {
	text, ok := m.read(key, file)
	for rest := text; ok; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			m.add(key, "%s holds no %s in PEM", file, what)
			return nil, false
		}
		if strings.HasPrefix(block.Type, "ENCRYPTED ") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			m.add(key, "%s is encrypted; write the key without a passphrase", file)
			return nil, false
		}
		if strings.HasSuffix(block.Type, blockType) {
			break
		}
	}
	return text, ok
}

// read reads a file that a key names.
func (m *mistakes) read(key, file string) ([]byte, bool) {
	text, err := readFile(file)
	if err != nil {
		m.add(key, "%s cannot be read: %s", file, reason(err))
	}
	return text, err == nil
}

// upstreamTLS returns how the provider proves who it is, and what it is shown.
// Nil means the system's trust and nothing.
func (m *mistakes) upstreamTLS(c config) *tls.Config {
	var roots *x509.CertPool
	if c.Upstream.CAFile != "" {
		var err error
		if roots, err = readCertPool(c.Upstream.CAFile); err != nil {
			m.add("upstream.ca_file", "%s", err)
		}
	}
	own := m.certificate("upstream", certificateConfig{c.Upstream.CertFile, c.Upstream.KeyFile})
	if roots == nil && own == nil {
		return nil
	}
	// #nosec G402 -- Go itself begins at TLS 1.2
	out := &tls.Config{RootCAs: roots}
	if own != nil {
		out.Certificates = []tls.Certificate{*own}
	}
	return out
}

// upstreamCertificate returns what the provider is shown. Nil means nothing.
func (s settings) upstreamCertificate() *tls.Certificate {
	if s.upstreamTLS == nil || len(s.upstreamTLS.Certificates) == 0 {
		return nil
	}
	return &s.upstreamTLS.Certificates[0]
}

// readCertPool reads a file of certificates in PEM.
func readCertPool(file string) (*x509.CertPool, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %s", file, reason(err))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return roots, nil
}
