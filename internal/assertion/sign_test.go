package assertion_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/assertion"
)

const issuer = "https://as.example"

var now = time.Unix(1_800_000_000, 0)

// signer signs with an algorithm.
type signer struct {
	alg string
	key crypto.Signer
}

// The keys are the same in each process, so that assertions that a fuzzer keeps stay valid.
var (
	rsaKey  = newRSAKey()
	p256    = newECKey(elliptic.P256(), 1)
	p384    = newECKey(elliptic.P384(), 2)
	p521    = newECKey(elliptic.P521(), 3)
	ed      = ed25519.NewKeyFromSeed(sequence("ed", ed25519.SeedSize))
	another = signer{"ES256", newECKey(elliptic.P256(), 4)} // of no client
	es256   = signer{"ES256", p256}
	signers = []signer{es256, {"EdDSA", ed}, {"Ed25519", ed}, {"ES384", p384}, {"ES512", p521},
		{"RS256", rsaKey}, {"RS384", rsaKey}, {"RS512", rsaKey}, {"PS256", rsaKey}, {"PS384", rsaKey}, {"PS512", rsaKey}}
)

// sequence returns bytes that depend on a seed.
func sequence(seed string, length int) (b []byte) {
	for i := 0; len(b) < length; i++ {
		sum := sha512.Sum512(fmt.Append(nil, seed, i))
		b = append(b, sum[:]...)
	}
	return b[:length]
}

func newRSAKey() *rsa.PrivateKey {
	prime := func(seed string, skip int64) *big.Int { // the first one behind the seed
		b := sequence(seed, 128)
		b[0] |= 0xc0
		n := new(big.Int).SetBytes(b)
		return n.Add(n.SetBit(n, 0, 1), big.NewInt(skip))
	}
	p, q, one := prime("p", 962), prime("q", 288), big.NewInt(1)
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, Primes: []*big.Int{p, q}}
	k.D = new(big.Int).ModInverse(big.NewInt(65537), new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)))
	k.Precompute()
	return must(k, k.Validate())
}

func newECKey(c elliptic.Curve, n byte) *ecdsa.PrivateKey {
	scalar := make([]byte, (c.Params().BitSize+7)/8)
	copy(scalar[1:], sequence(string(n), len(scalar)))
	return must(ecdsa.ParseRawPrivateKey(c, scalar))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func b64[T ~string | ~[]byte](b T) string { return base64.RawURLEncoding.EncodeToString([]byte(b)) }

// sign returns the compact serialization of a header and claims, which need not be JSON.
func (s signer) sign(header, claims string) string {
	input := b64(header) + "." + b64(claims)
	return input + "." + b64(s.signature(input))
}

func (s signer) signature(input string) []byte {
	if key, ok := s.key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, []byte(input))
	}
	hash := hashes[s.alg[2:]]
	digest := hash.New()
	digest.Write([]byte(input))
	switch key := s.key.(type) {
	case *rsa.PrivateKey:
		if s.alg[:2] == "PS" {
			return must(rsa.SignPSS(rand.Reader, key, hash, digest.Sum(nil), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must(rsa.SignPKCS1v15(nil, key, hash, digest.Sum(nil)))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest.Sum(nil))
		size := (must(key.Curve, err).Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	panic("no such key")
}

var hashes = map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}

// object returns a JSON object with changes, of which nil removes a member.
func object(members, changes map[string]any) string {
	merged := map[string]any{}
	for _, m := range []map[string]any{members, changes} {
		for name, value := range m {
			if merged[name] = value; value == nil {
				delete(merged, name)
			}
		}
	}
	return string(must(json.Marshal(merged)))
}

// claims returns valid claims with changes.
func claims(changes map[string]any) string {
	return object(map[string]any{"iss": "billing", "sub": "billing", "aud": issuer, "jti": "a-1",
		"exp": now.Unix() + 60, "iat": now.Unix()}, changes)
}

// jwk returns the JWK of a public key with changes.
func jwk(public any, changes map[string]any) string {
	members := map[string]any{}
	switch k := public.(type) {
	case *rsa.PublicKey:
		members = map[string]any{"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point := must(k.Bytes())[1:]
		members = map[string]any{"kty": "EC", "crv": k.Curve.Params().Name, "x": b64(point[:len(point)/2]), "y": b64(point[len(point)/2:])}
	case ed25519.PublicKey:
		members = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(k)}
	}
	return object(members, changes)
}

func jwks(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func parseKeys(t testing.TB, keys ...string) []assertion.Key {
	t.Helper()
	parsed, refused, err := assertion.ParseKeys([]byte(jwks(keys...)))
	if err != nil || len(refused) > 0 {
		t.Fatal(err, refused)
	}
	return parsed
}

// all returns the keys of all signers: e, f and d for an algorithm or a curve, one without a kid, r for RSA, and
// p for PS256 alone.
func all(t testing.TB) []assertion.Key {
	t.Helper()
	kid := func(kid, alg string) map[string]any {
		if alg == "" {
			return map[string]any{"kid": kid}
		}
		return map[string]any{"kid": kid, "alg": alg}
	}
	return parseKeys(t, jwk(p256.Public(), kid("e", "ES256")), jwk(p384.Public(), kid("f", "")), jwk(p521.Public(), nil),
		jwk(ed.Public(), kid("d", "EdDSA")), jwk(rsaKey.Public(), kid("r", "")), jwk(rsaKey.Public(), kid("p", "PS256")))
}

var own = assertion.Rules{Audience: issuer, Longest: time.Hour, Once: true}

// check returns what a client is told about an assertion that must obey some rules.
func check(compact string, keys []assertion.Key, r assertion.Rules) error {
	a, err := assertion.Parse(compact)
	if err == nil {
		_, err = a.Verify(keys)
	}
	if err == nil {
		err = a.Check(r, now)
	}
	return err
}
