package assertion

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oauthgw/internal/jsonobject"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a JWK Set.
const (
	MaxKeysSize = 256 << 10 // in bytes
	maxKeys     = 100

	minRSABits, maxRSABits = 2048, 4096 // go-jose accepts no more
)

// Key is a public key.
type Key struct {
	ID string // its kid, or else its thumbprint (RFC 7638)

	kid, algorithm string // empty: any
	public         any    // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// ParseKeys returns the keys of a JWK Set (RFC 7517 section 5) that can verify assertions. Refused has an
// error for each key that is not public, or whose size is not accepted. Other keys are skipped.
func ParseKeys(text []byte) (keys []Key, refused []error, err error) {
	var list []json.RawMessage
	set, err := jsonobject.Parse(text)
	if err != nil || json.Unmarshal(set.Get("keys"), &list) != nil {
		return nil, nil, errors.New(`it is not a JWK Set such as {"keys": [{"kty": "EC", …}]}; convert keys from PEM, public ones only`)
	}
	if len(text) > MaxKeysSize || len(list) > maxKeys {
		return nil, nil, fmt.Errorf("it has more than %d keys or %d KiB", maxKeys, MaxKeysSize>>10)
	}
	for i, value := range list {
		switch k, err := parseKey(value); {
		case err != nil:
			refused = append(refused, fmt.Errorf("key %d %w", i+1, err))
		case k.public != nil:
			keys = append(keys, k)
		}
	}
	// Keys without a kid come last, so that they do not use up the attempts of Verify.
	slices.SortStableFunc(keys, func(x, y Key) int { return strings.Compare(y.kid, x.kid) })
	return keys, refused, nil
}

// parameters are the members of a JWK that are used. Others may hold a certificate, which is not used.
var parameters = []string{"kty", "crv", "x", "y", "n", "e"}

// parseKey returns a key, or the zero Key if its kind is unknown or it has another purpose.
func parseKey(value []byte) (Key, error) {
	all, err := jsonobject.Parse(value)
	switch {
	case err != nil:
		return Key{}, nil
	case all.Get("d") != nil:
		return Key{}, errors.New("is a private key; remove d, p, q and the like, and replace the key if others could read it")
	case all.Text("kty") == "oct":
		return Key{}, errors.New("is a symmetric key, a shared secret; use RSA, EC or Ed25519 keys")
	}
	used := all.Without(func(m jsonobject.Member) bool { return !slices.Contains(parameters, m.Name) })
	var jwk jose.JSONWebKey
	if use := all.Text("use"); all.Get("use") != nil && use != "sig" && use != "jwt-svid" {
		return Key{}, nil
	}
	switch err := json.Unmarshal(used.Encode(), &jwk); {
	case errors.Is(err, jose.ErrUnsupportedKeyType) && all.Text("kty") == "RSA":
		return Key{}, fmt.Errorf("has too many bits; RSA keys need %d to %d", minRSABits, maxRSABits)
	case err != nil:
		return Key{}, nil
	}
	k := Key{kid: all.Text("kid"), algorithm: all.Text("alg"), public: jwk.Key}
	if public, ok := k.public.(*rsa.PublicKey); ok && public.N.BitLen() < minRSABits {
		return Key{}, fmt.Errorf("has %d bits; RSA keys need %d to %d", public.N.BitLen(), minRSABits, maxRSABits)
	}
	if !slices.ContainsFunc(algorithms, k.isFor) {
		return Key{}, nil
	}
	thumbprint, _ := jwk.Thumbprint(crypto.SHA256) // fails for other kinds of keys
	if k.ID = k.kid; k.ID == "" {
		k.ID = base64.RawURLEncoding.EncodeToString(thumbprint)
	}
	return k, nil
}

// fits reports whether an assertion may be signed with the key.
func (k Key) fits(a *Assertion) bool {
	return (k.kid == "" || a.KeyID == "" || k.kid == a.KeyID) && k.isFor(a.Algorithm)
}

// HasID reports whether one of some keys has the kid of the assertion.
func (a *Assertion) HasID(keys []Key) bool {
	return a.KeyID != "" && slices.ContainsFunc(keys, func(k Key) bool { return k.kid == a.KeyID })
}

// curves are those of the algorithms with elliptic curves (RFC 7518 section 3.4).
var curves = map[string]string{"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}

// isFor reports whether the key is for an algorithm. EdDSA is what RFC 8037 calls Ed25519 (RFC 9864
// section 2.2).
func (k Key) isFor(a string) bool {
	isEd := func(a string) bool { return a == "EdDSA" || a == "Ed25519" }
	pinned := k.algorithm == "" || k.algorithm == a || isEd(k.algorithm) && isEd(a)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return pinned && slices.Contains(rsaAlgorithms, a)
	case *ecdsa.PublicKey:
		return pinned && public.Curve.Params().Name == curves[a]
	case ed25519.PublicKey:
		return pinned && isEd(a)
	}
	return false
}

// verifier returns the key for go-jose, which does not know the algorithm Ed25519 by its new name.
func (k Key) verifier() any {
	if public, ok := k.public.(ed25519.PublicKey); ok {
		return edVerifier(public)
	}
	return k.public
}

type edVerifier ed25519.PublicKey

// VerifyPayload implements [jose.OpaqueVerifier].
func (v edVerifier) VerifyPayload(payload, signature []byte, _ jose.SignatureAlgorithm) error {
	if !ed25519.Verify(ed25519.PublicKey(v), payload, signature) {
		return ErrSignature
	}
	return nil
}
