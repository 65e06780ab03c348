package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"
	"oauthgw/internal/origin"
)

// issuers returns who signs the assertions of a client, with their keys.
func (v *validator) issuers(key string, list []clients.IssuerConfig) (issuers []clients.Issuer) {
	v.require(list == nil || len(list) > 0, key, "must not be empty; list the keys of the client, such as {jwks_file: client.jwks}, or remove this key")
	for n, c := range list {
		key := position(key, n)
		i := clients.Issuer{IssuerConfig: c}
		v.claims(key, c)
		v.keyLocation(key, c)
		repeated := slices.IndexFunc(list[:n], func(other clients.IssuerConfig) bool {
			return other.Issuer == c.Issuer && other.Subject == c.Subject && other.JWKSFile == c.JWKSFile && other.JWKSURI == c.JWKSURI
		})
		if repeated >= 0 {
			v.addf(key, "repeats the issuer, the subject and the keys of entry %d, so it would never be used; remove it, or use other keys", repeated+1)
		}
		if c.JWKSFile != "" {
			i.Keys = v.keys(key+".jwks_file", c.JWKSFile)
		}
		i.Roots = v.roots(key+".ca_file", c.CAFile)
		issuers = append(issuers, i)
	}
	return issuers
}

// spiffeID matches the SPIFFE ID of a workload (SPIFFE-ID section 2).
var spiffeID = regexp.MustCompile(`^spiffe://[a-z0-9._-]+(?:/[A-Za-z0-9._-]+)+$`)

// claims checks what the claims of assertions are compared with, byte for byte.
func (v *validator) claims(key string, c clients.IssuerConfig) {
	for name, value := range map[string]string{"issuer": c.Issuer, "subject": c.Subject, "audience": c.Audience} {
		isPrintable := !strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
		v.require(isPrintable && strings.TrimSpace(value) == value, key+"."+name, "must be the claim as the token has it: printable characters, without a space at either end")
		v.require(!strings.Contains(value, "*"), key+"."+name, "has a wildcard, but claims are compared byte for byte; write the whole claim, in an entry for each value")
	}
	segments := strings.Split(c.Subject, "/")
	switch {
	case c.Issuer != "" && c.Subject == "":
		v.addf(key+".subject", "is required with issuer, because the issuer signs tokens of other workloads too; write the sub of the client's tokens, or remove issuer if the client signs with its own key")
	case strings.HasPrefix(strings.ToLower(c.Subject), "spiffe:"):
		v.require(spiffeID.MatchString(c.Subject) && !slices.Contains(segments, ".") && !slices.Contains(segments, ".."), key+".subject",
			"must be a SPIFFE ID such as spiffe://example.org/billing: a trust domain in lower case and a path, without port, query, escapes, dot segments and a slash at the end")
	case c.Issuer == "" && c.Subject != "":
		v.addf(key+".issuer", "is required with a subject that is not a SPIFFE ID; write the iss of the client's tokens, or remove subject if the client signs with its own key")
	}
}

// keyLocation checks where the keys are.
func (v *validator) keyLocation(key string, c clients.IssuerConfig) {
	u, err := url.Parse(c.JWKSURI)
	v.require(c.JWKSFile != "" || c.JWKSURI != "", key, "needs keys; set jwks_file to the file of a JWK Set, or jwks_uri to its URL")
	v.require(c.JWKSFile == "" || c.JWKSURI == "", key+".jwks_uri", "cannot be set with jwks_file; remove one, or write an entry for each")
	switch {
	case c.JWKSURI == "":
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || !isAuthority(u) || u.User != nil || strings.Contains(c.JWKSURI, "#"): // it may hold a password
		v.addf(key+".jwks_uri", "must be the https URL of a JWK Set without user and fragment, such as https://idp.example/jwks")
	case !origin.IsConfidential(u):
		v.addf(key+".jwks_uri", "plain http would let others replace the keys on the way; use https, or name a file with jwks_file")
	}
	v.require(c.CAFile == "" || err == nil && u.Scheme == "https", key+".ca_file", "is used with TLS only; set jwks_uri to an https URL, or remove this key")
}

// keys reads a JWK Set. Keys in it that are not public are errors.
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
		v.addf(key, "%s has no key that can verify assertions; write public RSA, EC or Ed25519 keys into it, and check their crv, alg and use", file)
	}
	return keys
}

// subjects checks that the issuer and the subject of an assertion name one client.
func (v *validator) subjects(list []clients.Client) {
	type owner struct{ id, issuer string }
	owners := map[string][]owner{} // by subject
	for _, c := range list {
		if len(c.Issuers) > 0 { // they may sign with their own keys
			owners[c.ID] = append(owners[c.ID], owner{c.ID, c.ID})
			for _, alias := range c.Aliases {
				owners[alias] = append(owners[alias], owner{c.ID, alias})
			}
		}
	}
	for _, c := range list {
		for n, i := range c.Issuers {
			if !i.IsWorkload() {
				continue
			}
			for _, other := range owners[i.Subject] { // an empty issuer stands for any
				if other.id != c.ID && (i.Issuer == other.issuer || i.Issuer == "" || other.issuer == "") {
					v.addf(position("clients."+c.ID+".assertions", n)+".subject", "stands for clients.%s with the same issuer too, but an assertion must name one client; remove one of the two", other.id)
				}
			}
			isOwn := i.Issuer == i.Subject && (i.Subject == c.ID || slices.Contains(c.Aliases, i.Subject))
			v.require(!isOwn, position("clients."+c.ID+".assertions", n)+".issuer", "and subject are those of the client itself, whose assertions could then be used again; remove both if it signs with its own key")
			owners[i.Subject] = append(owners[i.Subject], owner{c.ID, i.Issuer})
		}
	}
}
