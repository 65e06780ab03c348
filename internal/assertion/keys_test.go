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

// TestCA10CA39Keys reads one JWK at a time. What cannot verify an assertion is skipped or refused.
func TestCA10CA39Keys(t *testing.T) {
	t.Parallel()
	change := func(name string, value any) map[string]any { return map[string]any{name: value} }
	modulus := func(bits int) string {
		return b64(new(big.Int).SetBit(new(big.Int).SetBit(new(big.Int), bits-1, 1), 0, 1).Bytes())
	}
	r, e, o := rsaKey.Public(), p256.Public(), ed.Public()
	for want, list := range map[string][]string{
		"used": {jwk(r, nil), jwk(e, nil), jwk(o, nil), jwk(e, change("use", "sig")), jwk(e, change("use", "jwt-svid")), jwk(r, change("e", "Aw")), jwk(r, change("n", modulus(2048))), jwk(r, change("n", modulus(4096))),
			jwk(e, change("x5c", []string{"no certificate"})), jwk(e, change("unknown", 1)), jwk(e, change("key_ops", []string{"verify"})), jwk(o, change("alg", "EdDSA")), jwk(o, change("alg", "Ed25519")), jwk(e, change("kid", strings.Repeat("k", 1000)))},
		"refused": {jwk(r, change("n", modulus(2047))), jwk(r, change("n", modulus(1024))), jwk(r, change("n", "AQ")), jwk(r, change("n", modulus(8192))), jwk(e, change("d", "AQ")), jwk(r, change("d", "AQ")), jwk(o, change("d", json.RawMessage("null"))),
			`{"kty":"oct","k":"AAAA"}`, `{"kty":"oct"}`},
		"skipped": {`{"kty":"FOO"}`, `{}`, `1`, `null`, `"x"`, `[]`, jwk(e, change("use", "enc")), jwk(r, map[string]any{"use": "enc", "n": modulus(8192)}), jwk(r, map[string]any{"use": "enc", "n": modulus(1024)}), jwk(e, change("use", "")), jwk(e, change("use", json.RawMessage("null"))), jwk(e, change("use", []string{"sig"})),
			jwk(e, change("alg", "ES384")), jwk(e, change("alg", "ECDH-ES")), jwk(e, change("alg", "RS256")), jwk(e, change("alg", "none")), jwk(r, change("alg", "HS256")), jwk(r, change("alg", "RSA-OAEP")), jwk(o, change("alg", "ES256")),
			jwk(e, change("y", b64(make([]byte, 32)))), jwk(e, map[string]any{"x": b64(make([]byte, 32)), "y": b64(make([]byte, 32))}), jwk(e, change("x", "AA")), jwk(e, change("y", nil)), jwk(e, change("crv", "P-384")), jwk(e, change("crv", "secp256k1")),
			jwk(e, change("crv", nil)), jwk(e, change("x", b64(p256.Params().P.Bytes()))), jwk(e, change("kty", "RSA")), jwk(r, change("e", "AQ")), jwk(r, change("e", "AA")), jwk(r, change("e", b64(make([]byte, 40)))), jwk(r, change("e", b64(rsaKey.D.Bytes()))),
			jwk(r, change("e", nil)), jwk(r, change("n", nil)), jwk(r, change("n", "!")), jwk(o, change("crv", "Ed448")), jwk(o, change("crv", "X25519")), jwk(o, change("x", b64(make([]byte, 31)))), jwk(o, change("x", b64(make([]byte, 33)))),
			`{"kty":"EC","kty":"OKP"}`, strings.Replace(jwk(e, nil), "{", `{"crv":"P-256",`, 1), `{"kty":"AKP","alg":"ML-DSA-65","pub":"AAAA"}`},
	} {
		for _, key := range list {
			keys, refused, err := assertion.ParseKeys([]byte(jwks(`{"kty":"FOO"}`, key)))
			got := map[[2]bool]string{{false, true}: "refused", {true, false}: "used", {}: "skipped"}[[2]bool{len(keys) > 0, len(refused) > 0}]
			if err != nil || got != want {
				t.Errorf("%.100s: %s, want %s: %v", key, got, want, err)
			}
		}
	}
}

// TestCA10LowOrderKeys signs with keys for which anyone can sign (RFC 8032 section 5.1.7 allows them).
func TestCA10LowOrderKeys(t *testing.T) {
	t.Parallel()
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	order8, _ := new(big.Int).SetString("05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16)
	found := 0
	for _, y := range []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(p, big.NewInt(1)), p, new(big.Int).Add(p, big.NewInt(1)), order8, new(big.Int).Sub(p, order8)} {
		for _, sign := range []byte{0, 0x80} {
			public := make(ed25519.PublicKey, ed25519.PublicKeySize)
			for i, b := range y.FillBytes(make([]byte, len(public))) {
				public[len(public)-1-i] = b
			}
			public[len(public)-1] |= sign
			if keys, _, err := assertion.ParseKeys([]byte(jwks(jwk(public, nil)))); err != nil || len(keys) > 0 {
				t.Errorf("%x is a key: %v", []byte(public), err)
			}
			input := b64(`{"alg":"EdDSA"}`) + "." + b64(claims(nil))
			for _, r := range [][]byte{public, append([]byte{1}, make([]byte, 31)...)} {
				if ed25519.Verify(public, []byte(input), append(append([]byte{}, r...), make([]byte, 32)...)) {
					found++
				}
			}
		}
	}
	if found == 0 {
		t.Error("none of the keys is one for which anyone can sign")
	}
}

// TestWeakRSAKeys verifies with exponents and moduli that crypto/rsa refuses.
func TestWeakRSAKeys(t *testing.T) {
	t.Parallel()
	for _, k := range []*rsa.PublicKey{{N: rsaKey.N, E: 2}, {N: rsaKey.N, E: 65536}, {N: new(big.Int).Lsh(rsaKey.N, 1), E: 65537}, {N: rsaKey.N, E: 1<<40 + 1}} {
		for _, s := range signers[5:] {
			if err := check(s.sign(`{"alg":"`+s.alg+`"}`, claims(nil)), parseKeys(t, jwk(k, nil)), own); err == nil {
				t.Errorf("e %d: accepted", k.E)
			}
		}
	}
}

func TestCA39JWKSets(t *testing.T) {
	t.Parallel()
	key, list := jwk(p256.Public(), nil), []string{}
	for range 101 {
		list = append(list, `{"kty":"FOO"}`)
	}
	large := `{"x":"` + strings.Repeat("x", assertion.MaxKeysSize) + `","keys":[` + key + `]}`
	for _, text := range []string{"", "null", "[]", key, `{"keys":1}`, `{"keys":{}}`, `{"keys":"x"}`, `{}`, `{"Keys":[]}`, `{"keys":[],"keys":[` + key + `]}`, jwks(key) + "x", "\ufeff" + jwks(key),
		jwks(list...), large, strings.Repeat("[", 1<<17), `{"keys":` + strings.Repeat("[", 1<<17)} {
		if keys, _, err := assertion.ParseKeys([]byte(text)); err == nil || keys != nil {
			t.Errorf("%.40s: got %d keys and no error", text, len(keys))
		}
	}
	list[99] = key
	if keys := parseKeys(t, list[:100]...); len(keys) != 1 || keys[0].ID == "" {
		t.Errorf("got %d keys", len(keys))
	}
	if keys, _, err := assertion.ParseKeys([]byte(`{"x":{"y":[null]},"keys":[{"kty":"FOO"},` + key + `]}`)); err != nil || len(keys) != 1 {
		t.Errorf("got %d keys: %v", len(keys), err)
	}
}

// TestCA48KeyIDs compares with the example of RFC 7638 section 3.1. Keys without a kid come last.
func TestCA48KeyIDs(t *testing.T) {
	t.Parallel()
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	with := `{"kty":"RSA","n":"` + n + `","e":"AQAB","alg":"RS256"`
	keys := parseKeys(t, with+`}`, with+`,"kid":"2011-04-29"}`, with+`,"kid":5}`)
	for i, want := range []string{"2011-04-29", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"} {
		if keys[i].ID != want {
			t.Errorf("got %q, want %q", keys[i].ID, want)
		}
	}
}

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

// check returns the error that a client receives for an assertion under some rules.
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
