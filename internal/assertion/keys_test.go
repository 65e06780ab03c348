package assertion_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

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

// TestCA48KeyIDs compares with the example of RFC 7638 section 3.1.
func TestCA48KeyIDs(t *testing.T) {
	t.Parallel()
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	with := `{"kty":"RSA","n":"` + n + `","e":"AQAB","alg":"RS256"`
	keys := parseKeys(t, with+`}`, with+`,"kid":"2011-04-29"}`, with+`,"kid":5}`)
	for i, want := range []string{"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", "2011-04-29", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"} {
		if keys[i].ID != want {
			t.Errorf("got %q, want %q", keys[i].ID, want)
		}
	}
}
