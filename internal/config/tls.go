package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// certificate loads a certificate and its key from section.cert_file and section.key_file. A
// certificate that has expired is an error: the peer would reject it.
func (v *validator) certificate(section string, c CertificateConfig) *tls.Certificate {
	switch {
	case c.CertFile == "" && c.KeyFile == "":
		return nil
	case c.CertFile == "" || c.KeyFile == "":
		v.addf(section, "needs both cert_file and key_file, or neither")
		return nil
	}
	certKey, keyKey := section+".cert_file", section+".key_file"
	chain := v.pem(certKey, c.CertFile, "CERTIFICATE", "certificate")
	private := v.pem(keyKey, c.KeyFile, "PRIVATE KEY", "private key")
	if chain == nil || private == nil {
		return nil
	}
	pair, err := tls.X509KeyPair(chain, private)
	switch {
	case err != nil:
		v.addf(keyKey, "%s cannot be used with the certificate in %s: %s", c.KeyFile, c.CertFile, strings.TrimPrefix(err.Error(), "tls: "))
	case time.Now().After(pair.Leaf.NotAfter):
		v.addf(certKey, "the certificate in %s expired on %s; renew it", c.CertFile, pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	default:
		return &pair
	}
	return nil
}

// pem reads a file with a PEM block whose type ends in blockType. Nil means an error.
func (v *validator) pem(key, file, blockType, what string) []byte {
	text, err := readFile(file)
	if err != nil {
		v.addf(key, "%s cannot be read: %s", file, reason(err))
		return nil
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case strings.HasPrefix(block.Type, "ENCRYPTED ") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
			v.addf(key, "%s is encrypted; write the key without a passphrase", file)
			return nil
		case strings.HasSuffix(block.Type, blockType):
			return text
		}
	}
	v.addf(key, "%s holds no %s in PEM", file, what)
	return nil
}

// upstreamTLS returns the TLS configuration for the provider. Nil means the system's roots
// and no client certificate.
func (v *validator) upstreamTLS(c Config) *tls.Config {
	own := v.certificate("upstream", CertificateConfig{c.Upstream.CertFile, c.Upstream.KeyFile})
	if c.Upstream.CAFile == "" && own == nil {
		return nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Upstream.CAFile != "" {
		var err error
		if out.RootCAs, err = ReadCertPool(c.Upstream.CAFile); err != nil {
			v.addf("upstream.ca_file", "%s", err)
		}
	}
	if own != nil {
		out.Certificates = []tls.Certificate{*own}
	}
	return out
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
