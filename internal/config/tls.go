package config

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
func (m *validator) certificate(section string, c CertificateConfig) *tls.Certificate {
	switch {
	case c.CertFile == "" && c.KeyFile == "":
		return nil
	case c.CertFile == "" || c.KeyFile == "":
		m.addf(section, "needs both cert_file and key_file, or neither")
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
		m.addf(keyKey, "%s cannot be used with the certificate in %s: %s", c.KeyFile, c.CertFile, strings.TrimPrefix(err.Error(), "tls: "))
	case time.Now().After(pair.Leaf.NotAfter):
		m.addf(certKey, "the certificate in %s expired on %s; renew it", c.CertFile, pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	default:
		return &pair
	}
	return nil
}

// pem reads a file that holds a block whose type ends in what is told.
func (m *validator) pem(key, file, blockType, what string) ([]byte, bool) {
	text, ok := m.read(key, file)
	for rest := text; ok; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			m.addf(key, "%s holds no %s in PEM", file, what)
			return nil, false
		}
		if strings.HasPrefix(block.Type, "ENCRYPTED ") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			m.addf(key, "%s is encrypted; write the key without a passphrase", file)
			return nil, false
		}
		if strings.HasSuffix(block.Type, blockType) {
			break
		}
	}
	return text, ok
}

// read reads a file that a key names.
func (m *validator) read(key, file string) ([]byte, bool) {
	text, err := readFile(file)
	if err != nil {
		m.addf(key, "%s cannot be read: %s", file, reason(err))
	}
	return text, err == nil
}

// upstreamTLS returns how the provider proves who it is, and what it is shown.
// Nil means the system's trust and nothing.
func (m *validator) upstreamTLS(c Config) *tls.Config {
	var roots *x509.CertPool
	if c.Upstream.CAFile != "" {
		var err error
		if roots, err = ReadCertPool(c.Upstream.CAFile); err != nil {
			m.addf("upstream.ca_file", "%s", err)
		}
	}
	own := m.certificate("upstream", CertificateConfig{c.Upstream.CertFile, c.Upstream.KeyFile})
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

// UpstreamCertificate returns what the provider is shown. Nil means nothing.
func (s Settings) UpstreamCertificate() *tls.Certificate {
	if s.UpstreamTLS == nil || len(s.UpstreamTLS.Certificates) == 0 {
		return nil
	}
	return &s.UpstreamTLS.Certificates[0]
}

// ReadCertPool reads a file of certificates in PEM.
func ReadCertPool(file string) (*x509.CertPool, error) {
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
