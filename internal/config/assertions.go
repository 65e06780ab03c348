package config

import (
	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"
)

// issuers returns who signs the assertions of a client, with their keys.
func (v *validator) issuers(key string, list []clients.IssuerConfig) (issuers []clients.Issuer) {
	for _, c := range list {
		i := clients.Issuer{IssuerConfig: c}
		if c.JWKSFile != "" {
			i.Keys = v.keys(key, c.JWKSFile)
		}
		if c.CAFile != "" {
			var err error
			if i.Roots, err = ReadCertPool(c.CAFile); err != nil {
				v.addf(key, "%s", err)
			}
		}
		issuers = append(issuers, i)
	}
	return issuers
}

// keys reads a JWK Set. What is no public key in it is a mistake.
func (v *validator) keys(key, file string) []assertion.Key {
	text := v.contents(key, file)
	if text == nil {
		return nil
	}
	keys, refused, err := assertion.ParseKeys(text)
	for _, problem := range refused {
		v.addf(key, "%s: %s", file, problem)
	}
	switch {
	case err != nil:
		v.addf(key, "%s: %s", file, err)
	case len(keys) == 0 && len(refused) == 0:
		v.addf(key, "%s has no key that can verify assertions; write public RSA, EC or OKP keys of the client into it", file)
	}
	return keys
}
