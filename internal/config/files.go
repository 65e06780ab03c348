package config

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"

	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/sys/unix"
)

// readFile reads a regular file of at most 1 MiB: a pipe could hold up a reload.
func readFile(name string) ([]byte, error) {
	const maxSize = 1 << 20
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if len(text) > maxSize {
		return nil, fmt.Errorf("%s is larger than 1 MiB", name)
	}
	return text, err
}

// contents returns the contents of a file that a key names, or nil.
func (v *validator) contents(key, file string) []byte {
	text, err := readFile(file)
	if err != nil {
		v.addf(key, "%s", err)
	}
	return text
}

// secret reads a secret from a file; an empty name means none. It drops one line end at the end of the
// file. Errors call the secret what, and state the rule for its characters, but never show it.
func (v *validator) secret(key, file, what string, allowed *regexp.Regexp, rule string) clientauth.Secret {
	if file == "" {
		return clientauth.Secret{}
	}
	text := v.contents(key, file)
	secret, ended := strings.CutSuffix(string(text), "\n")
	if ended {
		secret = strings.TrimSuffix(secret, "\r")
	}
	switch {
	case text == nil: // reported
	case secret == "":
		v.addf(key, "%s is empty; write %s into it", file, what)
	case !allowed.MatchString(secret):
		v.addf(key, "%s must hold %s", file, rule)
	default:
		return clientauth.NewSecret(secret)
	}
	return clientauth.Secret{}
}

// Fingerprint returns a hash of the contents of files and of the errors of reading them.
func Fingerprint(files []string) string {
	sum := sha256.New()
	for _, name := range files {
		text, err := readFile(name)
		fmt.Fprintf(sum, "%s %v %d %s", name, err, len(text), text)
	}
	return string(sum.Sum(nil))
}

// auditFile checks that records can be written. It creates no file: check may run as another user.
func (v *validator) auditFile(file string) {
	if file == "" || file == standardOutput {
		return
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err == nil {
		_ = f.Close() // nothing was written
	} else if errors.Is(err, fs.ErrNotExist) {
		err = unix.Access(filepath.Dir(file), unix.W_OK|unix.X_OK)
	}
	if err != nil {
		v.addf("audit.file", "%s cannot be written: %s", file, err)
	}
}

func (v *validator) webConfigFile(file string) {
	const key = "admin.web_config_file"
	if file == "" || v.contents(key, file) == nil {
		return
	}
	if err := web.Validate(file); err != nil {
		v.addf(key, "%s", printable.RedactYAML(err.Error()))
	}
}

// certificate loads a certificate and its key from section.cert_file and section.key_file.
func (v *validator) certificate(section string, c CertificateConfig) *tls.Certificate {
	if c.CertFile == "" || c.KeyFile == "" {
		v.require(c.CertFile == c.KeyFile, section, "needs both cert_file and key_file, or neither")
		return nil
	}
	chain, key := v.contents(section+".cert_file", c.CertFile), v.contents(section+".key_file", c.KeyFile)
	if chain == nil || key == nil {
		return nil
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		v.addf(section, "%s and %s must be a certificate and its key in PEM, without a passphrase: %s", c.CertFile, c.KeyFile, strings.TrimPrefix(err.Error(), "tls: "))
		return nil
	}
	if time.Now().After(pair.Leaf.NotAfter) {
		v.addf(section+".cert_file", "the certificate in %s expired on %s; renew it", c.CertFile, pair.Leaf.NotAfter.UTC().Format(time.DateOnly))
	}
	return &pair
}

func (v *validator) upstreamTLS(c Config, own *tls.Certificate) *tls.Config {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.Upstream.ServerName, RootCAs: v.roots("upstream.ca_file", c.Upstream.CAFile)}
	if own != nil {
		out.Certificates = []tls.Certificate{*own}
	}
	return out
}

// roots reads a CA bundle. No file is nil, which stands for the system's roots.
func (v *validator) roots(key, file string) *x509.CertPool {
	if file == "" {
		return nil
	}
	roots, err := ReadCertPool(file)
	if err != nil {
		v.addf(key, "%s", err)
	}
	return roots
}

// ReadCertPool reads a file of certificates in PEM.
func ReadCertPool(file string) (*x509.CertPool, error) {
	text, err := readFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		err = fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return roots, err
}
