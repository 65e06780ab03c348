package config

import (
	"crypto/x509"
	"strings"

	"oauthgw/clientauth"
)

func (v *validator) state(c StateConfig) (password clientauth.Secret, roots *x509.CertPool) {
	if c.PasswordFile != "" {
		password = clientauth.NewSecret(strings.TrimSuffix(string(v.contents("state.password_file", c.PasswordFile)), "\n"))
	}
	if c.CAFile != "" {
		var err error
		if roots, err = ReadCertPool(c.CAFile); err != nil {
			v.addf("state.ca_file", "%s", err)
		}
	}
	return password, roots
}
